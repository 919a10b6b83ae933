package window_test

import (
	"sync"
	"testing"

	"github.com/sinew-go/sinew/internal/window"
)

func TestACounterLosesNothingWhenManyCountAtOnce(t *testing.T) {
	c := window.NewCounter()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				c.Add()
				if near, sum := c.Local(), c.Sum(); near > sum {
					t.Errorf("%d near of %d in all", near, sum)
				}
			}
		})
	}
	all.Wait()
	if got := c.Sum(); got != 80_000 {
		t.Errorf("%d of 80000 counted", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c, w := window.NewCounter(), window.New(1000)
	now := int64(0)
	if got := testing.AllocsPerRun(1000, func() {
		c.Add()
		w.Add(now, 0)
		now += 7
		if w.Sum(now)[0] == 0 || c.Local() == 0 {
			t.Error("nothing counted")
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	w := window.New(1_000_000_000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for now := int64(0); pb.Next(); now += 100 {
			w.Add(now, 0)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	w := window.New(1_000_000_000)
	for b.Loop() {
		w.Sum(5)
	}
}
