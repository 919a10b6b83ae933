package temporal_test

import (
	"fmt"
	"testing"

	"github.com/sinew-go/sinew/internal/realserver"
)

// A Get computes the run anew from its history.
func BenchmarkGet(b *testing.B) {
	server := realserver.Temporal(b)
	r, ctx := runner(b, definition(step("reserve"), step("pay"), step("ship")), dial(b, server.Addr, "default"), silent), withPatience(b)
	must(b, r.Start(ctx, "o-7", Order{}))
	if _, err := r.Wait(ctx, "o-7"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := r.Get(ctx, "o-7"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRunOfThreeSteps(b *testing.B) {
	server := realserver.Temporal(b)
	r, ctx := runner(b, definition(step("reserve"), step("pay"), step("ship")), dial(b, server.Addr, "default"), silent), withPatience(b)
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		must(b, r.Start(ctx, id, Order{}))
		if _, err := r.Wait(ctx, id); err != nil {
			b.Fatal(err)
		}
	}
}
