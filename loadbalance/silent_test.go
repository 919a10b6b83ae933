package loadbalance_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/loadbalance"
)

// hung makes one safe call each gap for d. The dead never answer, and the callers'
// deadlines end their calls.
func hung(t *testing.T, b *loadbalance.Pool, gap, d time.Duration, dead int) (got, probes int) {
	t.Helper()
	var calls sync.WaitGroup
	for range d / gap {
		picked, err := b.Pick(t.Context(), safe)
		if err != nil {
			t.Fatal(err)
		}
		calls.Go(func() {
			if !deadOf(picked.Instance.ID, dead) {
				<-time.After(5 * time.Millisecond)
				picked.Done(t.Context(), nil)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			<-ctx.Done()
			picked.Done(ctx, ctx.Err())
		})
		if deadOf(picked.Instance.ID, dead) {
			if got++; picked.HedgeAfter > 0 {
				probes++
			}
		}
		<-time.After(gap)
	}
	calls.Wait()
	return got - probes, probes
}

func TestWhereMostAreSilentTheOthersGetTheCalls(t *testing.T) {
	for _, tt := range away {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(tt.all))
			hung(t, b, 5*time.Millisecond, 10*time.Second, 0)
			first, _ := hung(t, b, 5*time.Millisecond, 2*time.Second, tt.dead)
			later, probes := hung(t, b, 5*time.Millisecond, time.Minute, tt.dead)
			if first > 15*tt.dead || later > 5 {
				t.Errorf("%d of %d are silent: %d calls went there in 2 s, and %d later", tt.dead, tt.all, first, later)
			}
			if most := 12 * tt.dead; probes > most {
				t.Errorf("%d probes of %d in a minute", probes, tt.dead)
			}
			for id := tt.dead; id < tt.all; id++ {
				if i := state(t, b, fmt.Sprint(id)); i.Ejected || i.Probation {
					t.Errorf("one that works: %+v", i)
				}
			}
		})
	}
}

// A call that is cancelled, as the loser of a hedge is, or that a timeout of the client
// ends, is no answer of its instance.
func TestACallThatTheClientEndsIsNoAnswer(t *testing.T) {
	for name, own := range map[string]bool{"the caller's deadline": false, "a limit of the client's own": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Seed: 1, Ejection: loadbalance.Ejection{MaxPercent: 1, Period: time.Hour}}, many(4))
				traffic(t, b, 5*time.Millisecond, 5*time.Second, takes(5*time.Millisecond))
				fail(t, b, "1", 5) // no more may be out unless they are gone
				for range 10 {
					ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					if own {
						var c *callctx.Call
						ctx, c = callctx.With(ctx, call.Record{})
						c.SetCaller(t.Context())
					}
					silent := only(t, b, "0")
					<-time.After(100 * time.Millisecond)
					loser := only(t, b, "0")
					lost, lose := context.WithCancel(t.Context())
					<-time.After(50 * time.Millisecond)
					for _, id := range []string{"2", "3"} {
						only(t, b, id).Done(t.Context(), nil)
					}
					lose()
					loser.Done(lost, lost.Err())
					<-ctx.Done()
					silent.Done(ctx, ctx.Err())
					cancel()
				}
				if !state(t, b, "0").Ejected || !state(t, b, "1").Ejected {
					t.Errorf("it answers nothing while others do, and is not out: %+v", b.Snapshot().Instances)
				}
			})
		})
	}
}

// The duration of calls to silent instances is no measure of latency: these instances are
// gone, not slow as all others are.
func TestASilentInstanceDoesNotCountAsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1, Algorithm: loadbalance.Random, Probation: loadbalance.Probation{Disabled: true}}, many(5))
		silent := false
		call := func() {
			picked := pick(t, b)
			if !deadOf(picked.Instance.ID, 3) {
				<-time.After(5 * time.Millisecond)
				picked.Done(t.Context(), nil)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
			defer cancel()
			if !silent { // but slow, as most are
				<-time.After(100 * time.Millisecond)
				picked.Done(ctx, nil)
				return
			}
			<-ctx.Done()
			picked.Done(ctx, ctx.Err())
		}
		most := 0 // as they are used again now and then
		for _, silent = range []bool{false, true} {
			var calls sync.WaitGroup
			for range 1000 {
				calls.Go(call)
				<-time.After(5 * time.Millisecond)
				most = max(most, ejected(b))
			}
			calls.Wait()
		}
		if most != 3 {
			t.Errorf("three of five are silent, and %d at most are out: %+v", most, b.Snapshot().Instances)
		}
	})
}

// At every instance most callers wait for less than a call takes. An instance that was gone
// must not stay out because its probes run out of time as well.
func TestAnInstanceComesBackWhereMostCallersRunOutOfTimeEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(11))
		var away atomic.Bool
		var back atomic.Int64
		call := func(quick bool) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			picked, err := b.Pick(ctx, loadbalance.Request{Safe: true})
			if err != nil {
				t.Error(err)
				return
			}
			mine := picked.Instance.ID == "0"
			switch {
			case mine && away.Load():
				picked.Done(ctx, errUnreachable)
				return
			case mine:
				back.Add(1)
			}
			if quick {
				<-time.After(5 * time.Millisecond)
			} else {
				<-ctx.Done()
			}
			picked.Done(ctx, ctx.Err())
		}
		spend := func(seconds int) {
			var calls sync.WaitGroup
			for k := range 30 * seconds {
				calls.Go(func() { call(k%5 == 0) })
				<-time.After(time.Second / 30)
			}
			calls.Wait()
		}
		spend(10)
		away.Store(true)
		if spend(2); !state(t, b, "0").Ejected {
			t.Fatal("it refuses connections, and is in use")
		}
		away.Store(false)
		spend(10)
		back.Store(0)
		if spend(10); back.Load() < 300/11/2 {
			t.Errorf("%d of 300 calls go to it: %+v", back.Load(), state(t, b, "0"))
		}
	})
}
