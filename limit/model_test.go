package limit_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

// script provides the random choices of a test.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func checkPlay(play func(t *testing.T, s script)) func(*testing.T) {
	return func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			s := rapid.SliceOfN(rapid.Byte(), 20, 250).Draw(rt, "script")
			synctest.Test(t, func(t *testing.T) { play(t, s) })
		})
	}
}

func fuzzPlay(f *testing.F, play func(t *testing.T, s script)) {
	f.Add([]byte("0123456789 all the calls of a day, and who has left"))
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) < 300 {
			synctest.Test(t, func(t *testing.T) { play(t, s) })
		}
	})
}

func TestAdaptiveCountsLikeItsReference(t *testing.T)    { checkPlay(playAdaptive)(t) }
func TestConcurrencyCountsLikeItsReference(t *testing.T) { checkPlay(playConcurrency)(t) }
func TestRatePassesLikeItsReference(t *testing.T)        { checkPlay(playRate)(t) }

func FuzzAdaptive(f *testing.F)    { fuzzPlay(f, playAdaptive) }
func FuzzConcurrency(f *testing.F) { fuzzPlay(f, playConcurrency) }
func FuzzRate(f *testing.F)        { fuzzPlay(f, playRate) }

// callInFlight is a call of the reference of an Adaptive.
type callInFlight struct {
	ctx    context.Context
	cancel context.CancelFunc
	permit limit.AdaptivePermit
	start  time.Time
	over   bool
}

// longRunning is how many of the calls may need no room, since they have been in flight
// for a second: the limiter exempts them while it limits, or calls are late.
func longRunning(calls []*callInFlight) (n int) {
	for _, c := range calls {
		if !c.over && time.Since(c.start) >= time.Second {
			n++
		}
	}
	return n
}

// playAdaptive compares an Adaptive with a fixed limit with a reference that counts.
func playAdaptive(t *testing.T, s script) {
	most := 3
	l := limit.NewAdaptive("model", limit.Adaptive{Min: most, Max: most})
	var calls []*callInFlight
	want := limit.AdaptiveSnapshot{}
	ends := []error{nil, fault.Internal.Errorf("oops"), fault.NotFound.Errorf("none"), fault.DeadlineExceeded.Errorf("slow"), fault.Unavailable.Errorf("full").WithReason("overloaded"), context.Canceled}
	for len(s) > 0 {
		switch s.next(6) {
		case 0, 1:
			ctx, cancel := context.WithCancel(t.Context())
			if s.next(5) == 0 {
				cancel()
			}
			permit, err := l.Acquire(ctx)
			code := fault.CodeOf(err)
			switch {
			case ctx.Err() != nil:
				if code != fault.Canceled {
					t.Fatalf("one who had left got %v", err)
				}
			case want.InFlight >= most && (err != nil || want.InFlight >= most+longRunning(calls)):
				want.Refused++
				if code != fault.Unavailable {
					t.Fatalf("one too many got %v", err)
				}
			default:
				want.InFlight++
				want.Passed++
				if err != nil {
					t.Fatalf("with %d of %d under way: %v", want.InFlight, most, err)
				}
			}
			calls = append(calls, &callInFlight{ctx, cancel, permit, time.Now(), err != nil})
			defer cancel()
		case 2, 3:
			if len(calls) == 0 {
				continue
			}
			c := calls[s.next(len(calls))]
			if !c.over {
				c.over = true
				want.InFlight--
				if c.ctx.Err() != nil {
					want.Wasted++
				}
			}
			c.permit.Done(c.ctx, ends[s.next(len(ends))])
		case 4:
			if len(calls) > 0 {
				calls[s.next(len(calls))].cancel()
			}
		case 5:
			bubble.Sleep(time.Duration(s.next(50)) * 10 * time.Millisecond)
			if s.next(3) == 0 {
				most = 1 + s.next(6)
				if err := l.Set(limit.Adaptive{Min: most, Max: most}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := l.Snapshot(); got.InFlight != want.InFlight || got.Passed != want.Passed || got.Refused != want.Refused || got.Wasted != want.Wasted {
			t.Fatalf("%+v, and the reference has %+v", got, want)
		}
	}
}

// waitingCall is a call of the reference of a Concurrency.
type waitingCall struct {
	ctx    context.Context
	cancel context.CancelFunc
	until  time.Time
	permit limit.ConcurrencyPermit
}

// playConcurrency compares a Concurrency with a reference of plain lists.
func playConcurrency(t *testing.T, s script) {
	const most, queue, longest = 2, 3, time.Second
	l := limit.NewConcurrency("model", limit.Concurrency{Max: most, Queue: queue, MaxWait: longest})
	var running, waiting, over []*waitingCall
	want := limit.ConcurrencySnapshot{}
	done := make(chan struct{})
	begun := 0
	for len(s) > 0 {
		switch s.next(5) {
		case 0, 1:
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := &waitingCall{ctx: ctx, cancel: cancel, until: time.Now().Add(longest)}
			switch {
			case len(running) < most:
				running = append(running, c)
				want.Passed++
			case len(waiting) < queue:
				waiting = append(waiting, c)
			default:
				want.Refused++
			}
			begun++
			go func() { c.permit, _ = l.Acquire(ctx); done <- struct{}{} }()
		case 2:
			if len(running) == 0 {
				continue
			}
			i := s.next(len(running))
			c := running[i]
			running, over = slices.Delete(running, i, i+1), append(over, c)
			if c.ctx.Err() != nil {
				want.Wasted++
			}
			c.permit.Done()
			if len(waiting) > 0 {
				running, waiting = append(running, waiting[0]), waiting[1:]
				want.Passed++
			}
		case 3:
			if all := slices.Concat(running, waiting, over); len(all) > 0 {
				c := all[s.next(len(all))]
				c.cancel()
				waiting = slices.DeleteFunc(waiting, func(w *waitingCall) bool { return w == c })
			}
		case 4:
			bubble.Sleep(time.Duration(s.next(10))*100*time.Millisecond + time.Millisecond)
			waiting = slices.DeleteFunc(waiting, func(w *waitingCall) bool {
				given := !time.Now().Before(w.until)
				if given {
					want.Refused++
				}
				return given
			})
		}
		for {
			synctest.Wait()
			select {
			case <-done:
				begun--
				continue
			default:
			}
			break
		}
		want.Running, want.Waiting = len(running), len(waiting)
		if got := l.Snapshot(); got.Running != want.Running || got.Waiting != want.Waiting || got.Passed != want.Passed || got.Refused != want.Refused || got.Wasted != want.Wasted {
			t.Fatalf("%+v, and the reference has %+v", got, want)
		}
	}
	for _, c := range waiting {
		c.cancel()
	}
	for range begun {
		<-done
	}
}

// playRate compares a Rate with a bucket that is filled step by step.
func playRate(t *testing.T, s script) {
	interval, burst := time.Millisecond, 4
	l := limit.NewRate("model", limit.Rate{PerSecond: 1000, Burst: burst})
	tokens, at := float64(burst), time.Now()
	want := limit.RateSnapshot{}
	for len(s) > 0 {
		switch s.next(4) {
		case 0, 1:
			err := l.Allow()
			if tokens >= 1 {
				tokens--
				want.Passed++
				if err != nil {
					t.Fatalf("with %v tokens: %v", tokens+1, err)
				}
				continue
			}
			want.Refused++
			if wait := time.Duration((1 - tokens) * float64(interval)); fault.CodeOf(err) != fault.ResourceExhausted || (fault.RetryAfter(err)-wait).Abs() > 2 {
				t.Fatalf("with %v tokens, %s to the next: %v, %s", tokens, wait, err, fault.RetryAfter(err))
			}
		case 2:
			bubble.Sleep(time.Duration(s.next(64)) * time.Millisecond / 8)
			tokens = min(tokens+float64(time.Since(at))/float64(interval), float64(burst))
			at = time.Now()
		case 3:
			// The tokens in use stay in use, whatever the new size of the bucket.
			taken := float64(burst) - tokens
			burst = 1 << s.next(4)
			interval = time.Millisecond << s.next(4)
			tokens = max(float64(burst)-taken, 0)
			if err := l.Set(limit.Rate{PerSecond: float64(time.Second / interval), Burst: burst}); err != nil {
				t.Fatal(err)
			}
		}
		if got := l.Snapshot(); got.Passed != want.Passed || got.Refused != want.Refused || got.Tokens-tokens > 1e-6 || tokens-got.Tokens > 1e-6 {
			t.Fatalf("%+v, and the reference has %v tokens of %d, %+v", got, tokens, burst, want)
		}
	}
}
