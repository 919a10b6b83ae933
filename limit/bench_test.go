package limit_test

import (
	"context"
	"testing"

	"github.com/sinew-go/sinew/limit"
)

func BenchmarkAdaptive(b *testing.B) {
	ctx := context.Background()
	b.Run("serial", func(b *testing.B) {
		l := limit.NewAdaptive("api", limit.Adaptive{})
		b.ReportAllocs()
		for b.Loop() {
			if t, err := l.Acquire(ctx); err == nil {
				t.Done(ctx, nil)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		l := limit.NewAdaptive("api", limit.Adaptive{})
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if t, err := l.Acquire(ctx); err == nil {
					t.Done(ctx, nil)
				}
			}
		})
	})
}
