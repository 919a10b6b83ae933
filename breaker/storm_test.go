package breaker_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// stampede calls Allow n times at once, and counts how many the circuit admits.
func stampede(t *testing.T, c breaker.Breaker, n int) int {
	var passed atomic.Int64
	var ready, start, done sync.WaitGroup
	start.Add(1)
	for range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			start.Wait()
			if _, err := c.Allow(t.Context()); err == nil {
				passed.Add(1)
			} else if fault.ReasonOf(err) != "breaker_open" {
				t.Error(err)
			}
		})
	}
	ready.Wait()
	start.Done()
	done.Wait()
	return int(passed.Load())
}

func TestOfTenThousandCallersAtHalfOpenTheAllowedProbesPass(t *testing.T) {
	for _, probes := range []int{1, 3, 10} {
		p := breaker.Policy{FailureThreshold: 1, MaxRequests: probes, Timeout: time.Second, ProbeLease: time.Hour, SuccessThreshold: 1}
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", p)
			calls(c, 1, errFailed)
			bubble.Sleep(time.Second - 1)
			if got := stampede(t, c, 100); got != 0 {
				t.Errorf("%d passed before", got)
			}
			bubble.Sleep(1)
			if got := stampede(t, c, 10_000); got != probes {
				t.Errorf("%d of 10000 passed, should be %d", got, probes)
			}
		})
		p.Timeout = 1 // a nanosecond of real time
		c := breaker.New("orders", p)
		calls(c, 1, errFailed)
		if got := stampede(t, c, 10_000); got != probes {
			t.Errorf("in real time %d of 10000 passed, should be %d", got, probes)
		}
	}
}

func TestACircuitClosesSoonAfterATenSecondOutage(t *testing.T) {
	for name, tt := range map[string]struct {
		policy breaker.Policy
		opens  int // after so many calls, one a millisecond
	}{
		"the zero policy": {breaker.Policy{}, 251}, "in a row": {breaker.Policy{FailureThreshold: 5}, 5},
		"many probes": {breaker.Policy{MaxRequests: 5, SuccessThreshold: 10}, 251},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", tt.policy)
				const second = 1000 // calls
				reached, passed := 0, 0
				for n := range 40 * second {
					down := n >= 10*second && n < 20*second
					var err error
					if down {
						err = errFailed
					}
					ok := callOnce(c, 0, err)
					switch {
					case ok && down:
						reached++
					case ok && n >= 26*second: // one longest opening and three probes after
						passed++
					}
					bubble.Sleep(time.Millisecond)
				}
				if least := 14 * second; passed != least {
					t.Errorf("%d of %d calls passed", passed, least)
				}
				if reached > tt.opens+32+50 { // pauses of 120 ms, and from 2.9 s on each a thirty-second longer at least
					t.Errorf("%d calls reached who was down", reached)
				}
			})
		})
	}
}

func TestLostPacketsOpenTheCircuitThroughCallersDeadlines(t *testing.T) {
	for name, tt := range map[string]struct {
		usual, deadline time.Duration
		opens           bool
	}{
		"no success yet":              {0, 500 * time.Millisecond, true},
		"no success yet, in a hurry":  {0, 90 * time.Millisecond, false},
		"twenty times what is usual":  {25 * time.Millisecond, 500 * time.Millisecond, true},
		"three times what is usual":   {25 * time.Millisecond, 75 * time.Millisecond, true},
		"twice what is usual":         {25 * time.Millisecond, 50 * time.Millisecond, false},
		"quick, and a hurried caller": {10 * time.Microsecond, 900 * time.Microsecond, false},
	} {
		for mode, p := range map[string]breaker.Policy{"zero": {}, "in a row": {FailureThreshold: 20}} {
			t.Run(name+" "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := breaker.New("orders", p)
					for range 1000 {
						if tt.usual > 0 {
							callOnce(c, tt.usual, nil)
						}
					}
					for range 20 {
						ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
						if permit, err := c.Allow(ctx); err == nil { // or it has opened before the 20th
							<-ctx.Done()
							permit.Done(ctx, ctx.Err())
						}
						cancel()
					}
					if got := c.State() == breaker.Open; got != tt.opens {
						t.Errorf("open: %v", got)
					}
				})
			})
		}
	}
}

func TestAProbeThatEndsInAnyWayIsFollowedByAnother(t *testing.T) {
	for name, end := range map[string]func(context.Context, breaker.Permit){
		"ignored":   func(ctx context.Context, p breaker.Permit) { p.Done(ctx, fault.NotFound) },
		"never":     func(context.Context, breaker.Permit) {},
		"cancelled": func(ctx context.Context, p breaker.Permit) { p.Done(ctx, context.Canceled) },
		"hurried":   func(ctx context.Context, p breaker.Permit) { p.Done(ctx, context.DeadlineExceeded) },
		"twice":     func(ctx context.Context, p breaker.Permit) { p.Done(ctx, nil); p.Done(ctx, nil) },
		"failed":    func(ctx context.Context, p breaker.Permit) { p.Done(ctx, errFailed) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, ProbeLease: 2 * time.Second})
				calls(c, 1, errFailed)
				for range 20 {
					bubble.Sleep(5 * time.Second) // the longest opening, and more than a lease
					ctx, cancel := context.WithCancel(t.Context())
					if name == "hurried" {
						ctx, cancel = context.WithDeadline(t.Context(), time.Now())
					}
					permit, err := c.Allow(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if name == "cancelled" {
						cancel()
					}
					end(ctx, permit)
					cancel()
				}
			})
		})
	}
}

func TestTenThousandNamedCircuitsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		for _, p := range []breaker.Policy{{}, breaker.Consecutive} {
			g := breaker.NewGroup("tenants", p)
			for i := range 10_000 {
				c := g.Get(fmt.Sprint(i))
				for range i % 40 {
					callOnce(c, 0, map[bool]error{true: errFailed}[i%3 == 0])
				}
			}
			for range 2 { // a group that counts in a row looks twice
				bubble.Sleep(11 * time.Minute)
				g.Get(fmt.Sprint(time.Now()))
			}
			if left := len(g.Snapshot()); left > 2 {
				t.Errorf("%d circuits are left", left)
			}
		}
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, %d before", after, before)
		}
	})
}

func TestAGroupDoesNotDropACircuitWithUntimedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 5})
		for i := range 200 {
			g.Get(fmt.Sprint(i))
		}
		c := g.Get("used")
		calls(c, 17, nil) // of the next 15 none is timed
		for i := range 15 {
			bubble.Sleep(2 * time.Minute)
			calls(c, 1, nil)
			g.Get(fmt.Sprint("new", i))
		}
		if g.Get("used") != c {
			t.Error("forgotten while in use")
		}
	})
}

func TestASeedRepeatsTheOpenings(t *testing.T) {
	openings := func(name string, seed uint64) (all [50]time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New(name, breaker.Policy{FailureThreshold: 1, Seed: seed})
			for i := range all {
				calls(c, 1, errFailed)
				_, err := c.Allow(t.Context())
				all[i] = fault.RetryAfter(err)
				bubble.Sleep(all[i])
			}
		})
		return all
	}
	first := openings("orders", 7)
	if openings("orders", 7) != first {
		t.Error("the same seed opens otherwise")
	}
	if openings("orders", 8) == first || openings("stock", 7) == first || openings("orders", 0) == openings("orders", 0) {
		t.Error("other seeds, names or no seed open the same")
	}
}
