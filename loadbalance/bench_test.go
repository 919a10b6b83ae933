package loadbalance_test

import (
	"context"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

// With the shared clock neither Pick nor Done reads one of its own.
func BenchmarkPick(b *testing.B) {
	clocked := callctx.Begin[struct{}](context.Background(), call.Operation{}, time.Now(), time.Now().Add(time.Hour))
	for _, a := range algorithms {
		for _, row := range []struct {
			name string
			ctx  context.Context
			all  []registry.Instance
		}{
			{"3", context.Background(), many(3)},
			{"3, shared clock", clocked, many(3)},
			{"weights of 3", context.Background(), instances("1", "2", "3")},
			{"300", context.Background(), many(300)},
		} {
			b.Run(string(a)+"/"+row.name, func(b *testing.B) {
				pool := pool(loadbalance.Policy{Algorithm: a}, row.all)
				b.ReportAllocs()
				for b.Loop() {
					picked, _ := pool.Pick(row.ctx, anyRequest)
					picked.Done(row.ctx, nil)
				}
			})
		}
	}
}
