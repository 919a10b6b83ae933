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
			if p, err := l.Acquire(ctx); err == nil {
				p.Done(ctx, nil)
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

func BenchmarkConcurrency(b *testing.B) {
	ctx := context.Background()
	l := limit.NewConcurrency("api", limit.Concurrency{})
	b.ReportAllocs()
	for b.Loop() {
		if p, err := l.Acquire(ctx); err == nil {
			p.Done()
		}
	}
}
