package deadline_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/deadline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheDeadlineAppliesWithAndWithoutATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polled, waited := deadline.With(t.Context(), time.Now().Add(time.Second)), deadline.With(t.Context(), time.Now().Add(time.Second))
		defer polled.Stop()
		defer waited.Stop()
		if polled.Err() != nil {
			t.Fatal("over before its time")
		}
		start := time.Now()
		<-waited.Done()
		if time.Since(start) != time.Second || !errors.Is(waited.Err(), context.DeadlineExceeded) || !errors.Is(polled.Err(), context.DeadlineExceeded) {
			t.Fatalf("after %s: %v, %v", time.Since(start), waited.Err(), polled.Err())
		}
	})
}

func TestParentEndsItFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Second)
		c := deadline.With(parent, time.Now().Add(time.Hour))
		defer c.Stop()
		if at, _ := c.Deadline(); time.Until(at) != time.Second {
			t.Fatalf("deadline in %s", time.Until(at))
		}
		cancel()
		if !errors.Is(c.Err(), context.Canceled) {
			t.Fatalf("err %v", c.Err())
		}
		<-c.Done()
	})
}

func TestStopCancelsAndNeverChangesAnEarlierEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := deadline.With(t.Context(), time.Now())
		if !errors.Is(late.Err(), context.DeadlineExceeded) {
			t.Fatalf("err %v", late.Err())
		}
		late.Stop()
		if !errors.Is(late.Err(), context.DeadlineExceeded) {
			t.Fatalf("Stop made it %v", late.Err())
		}
		early := deadline.With(t.Context(), time.Now().Add(time.Hour))
		early.Stop()
		if !errors.Is(early.Err(), context.Canceled) {
			t.Fatalf("err %v", early.Err())
		}
		<-early.Done()
	})
}

func TestChildrenEndWithItAndValuesPass(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		c := deadline.With(context.WithValue(t.Context(), key{}, 1), time.Now().Add(time.Second))
		defer c.Stop()
		child, cancel := context.WithCancel(c)
		defer cancel()
		if c.Value(key{}) != 1 || child.Value(key{}) != 1 {
			t.Fatal("the value is lost")
		}
		<-child.Done()
		if !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Fatalf("err %v", child.Err())
		}
	})
}

func TestOneAllocationWhenNobodyWaits(t *testing.T) {
	ctx, at := t.Context(), time.Now().Add(time.Hour)
	var sink context.Context
	if n := testing.AllocsPerRun(100, func() {
		c := deadline.With(ctx, at)
		sink = c
		c.Stop()
	}); n > 1 {
		t.Fatalf("%v allocations", n)
	}
	_ = sink
}

func TestALongLivedParentDoesNotLeakStoppedContexts(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 100_000 {
		c := deadline.With(parent, time.Now().Add(time.Hour))
		c.Done()
		c.Stop()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 5<<20 {
		t.Errorf("100,000 limits left %d bytes", grown)
	}
}

func TestAContextThatEndsWithItsParentReportsDeadlineExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(time.Second)
		standard, cancel := context.WithDeadline(t.Context(), at)
		defer cancel()
		own := deadline.With(t.Context(), at)
		defer own.Stop()
		for _, around := range []struct {
			name   string
			parent context.Context
		}{
			{name: "standard", parent: standard},
			{name: "own", parent: own},
		} {
			for _, tt := range []struct {
				later string
				until time.Time
			}{
				{later: "equal", until: at},
				{later: "later", until: at.Add(time.Hour)},
			} {
				c := deadline.With(around.parent, tt.until)
				defer c.Stop()
				child, cancel := context.WithCancel(c)
				defer cancel()
				begun := c.Done()
				go func() {
					<-begun
					if !time.Now().Equal(at) || !errors.Is(c.Err(), context.DeadlineExceeded) {
						t.Errorf("%s, %s: at %s: %v", around.name, tt.later, time.Until(at), c.Err())
					}
					if <-child.Done(); !errors.Is(child.Err(), context.DeadlineExceeded) {
						t.Errorf("%s, %s: its child: %v", around.name, tt.later, child.Err())
					}
				}()
				stopped := deadline.With(around.parent, tt.until)
				stopped.Done()
				stopped.Stop()
				if <-stopped.Done(); !errors.Is(stopped.Err(), context.Canceled) || around.parent.Err() != nil {
					t.Errorf("%s, %s: one that was stopped: %v, its parent: %v", around.name, tt.later, stopped.Err(), around.parent.Err())
				}
			}
		}
		bubble.Sleep(2 * time.Second)
	})
}

func TestParentWithTheSameDeadlineSparesATimer(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	at, _ := parent.Deadline()
	cost := func(at time.Time) float64 {
		return testing.AllocsPerRun(100, func() {
			c := deadline.With(parent, at)
			c.Done()
			c.Stop()
		})
	}
	if shared, own := cost(at), cost(at.Add(-time.Minute)); shared >= own {
		t.Errorf("%v allocations with the parent's timer, %v with its own", shared, own)
	}
}

func BenchmarkDone(b *testing.B) {
	parent, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	at, _ := parent.Deadline()
	for _, tt := range []struct {
		name string
		at   time.Time
	}{
		{name: "own timer", at: at.Add(-time.Minute)},
		{name: "parent's timer", at: at},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := deadline.With(parent, tt.at)
				c.Done()
				c.Stop()
			}
		})
	}
}
