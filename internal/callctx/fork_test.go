package callctx_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

func TestAForkedRecordHasTheTriedInstancesAndSharesNothing(t *testing.T) {
	_, c := callctx.With(t.Context(), call.Record{HashKey: "k", Attempt: 1})
	c.Try("a")
	fork := c.Fork()
	c.Try("b")
	c.Attempt = 7
	_, made := fork.With(t.Context())
	if fmt.Sprint(made.Tried) != "[a b]" || made.HashKey != "k" || made.Attempt != 1 {
		t.Errorf("%+v", made)
	}
	made.Try("c")
	c.Try("d")
	_, other := fork.With(t.Context())
	if fmt.Sprint(made.Tried, c.Tried, other.Tried) != "[a b c] [a b d] [a b d]" {
		t.Errorf("%v, %v, %v", made.Tried, c.Tried, other.Tried)
	}
}

func TestARecordIsForkedWhileItsCallGoesOn(t *testing.T) {
	_, c := callctx.With(t.Context(), call.Record{})
	fork := c.Fork()
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 100 {
			c.Try(fmt.Sprint(i))
			c.Addr = fmt.Sprint(i)
		}
	})
	for range 100 {
		_, made := fork.With(t.Context())
		for i, id := range made.Tried {
			if id != fmt.Sprint(i) {
				t.Fatalf("%v", made.Tried)
			}
		}
		made.Try("x")
	}
	both.Wait()
}
