package retry_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

// outage makes calls that fail at once, at these times, and returns the times of all their
// attempts, relative to its start.
func outage(t *testing.T, r *retry.Retrier, calls []time.Duration) (attempts []time.Duration) {
	var lock sync.Mutex
	var all sync.WaitGroup
	begun := time.Now()
	for _, at := range calls {
		bubble.Sleep(at - time.Since(begun))
		all.Go(func() {
			_ = r.Do(t.Context(), true, func(context.Context, int) error {
				lock.Lock()
				defer lock.Unlock()
				attempts = append(attempts, time.Since(begun))
				return errDown
			})
		})
	}
	all.Wait()
	return attempts
}

// worst is the highest number of attempts per call in any second.
func worst(calls, attempts []time.Duration, seconds int) (most float64) {
	made, begun := make([]int, seconds+2), make([]int, seconds+2)
	for _, at := range calls {
		begun[int(at/time.Second)]++
	}
	for _, at := range attempts {
		made[min(int(at/time.Second), seconds+1)]++
	}
	for i := range seconds {
		most = max(most, float64(made[i])/float64(begun[i]))
	}
	return most
}

func TestAttemptsInAnOutageStayWithinTheShareInEverySecond(t *testing.T) {
	const seconds = 20
	for perSecond, want := range map[int]float64{20: 1.12, 50: 1.12, 200: 1.12, 1000: 1.12} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := retry.New("orders", retry.Policy{Seed: 1})
				for range 10 * perSecond { // without failures
					_ = r.Do(t.Context(), true, func(context.Context, int) error { return nil })
					bubble.Sleep(time.Second / time.Duration(perSecond))
				}
				var calls []time.Duration
				for i := range seconds * perSecond {
					calls = append(calls, time.Duration(i)*time.Second/time.Duration(perSecond))
				}
				attempts := outage(t, r, calls)
				overall := float64(len(attempts)) / float64(len(calls))
				if got := worst(calls, attempts, seconds); got > want || overall > 1.1 || overall < 1.07 {
					t.Errorf("%.3f attempts per call, %.3f in the worst second", overall, got)
				}
			})
		})
	}
}

func TestAttemptsOfManyClientsTogetherStayWithinTheShareInEverySecond(t *testing.T) {
	const seconds, clients, perSecond = 20, 20, 20
	synctest.Test(t, func(t *testing.T) {
		draw := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same each time
		var calls, attempts []time.Duration
		var lock sync.Mutex
		var all sync.WaitGroup
		for seed := range uint64(clients) {
			r := retry.New("orders", retry.Policy{Seed: seed + 1})
			var own []time.Duration
			for at := time.Duration(0); at < seconds*time.Second; at += time.Duration(draw.ExpFloat64() * float64(time.Second) / perSecond) {
				own = append(own, at)
			}
			calls = append(calls, own...)
			all.Go(func() {
				made := outage(t, r, own)
				lock.Lock()
				defer lock.Unlock()
				attempts = append(attempts, made...)
			})
		}
		all.Wait()
		if got := worst(calls, attempts, seconds); got > 1.12 {
			t.Errorf("%.3f attempts per call in the worst second", got)
		}
	})
}

func TestAClientWithFewCallsCanRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{})
		if n, _ := attempts(t.Context(), r, true, errDown); n != 3 {
			t.Errorf("%d attempts of a first call", n)
		}
		bubble.Sleep(2 * time.Second)
		for range 100 {
			if n, _ := attempts(t.Context(), r, true, errDown); n < 2 {
				t.Fatal("a call a second was not repeated")
			}
			bubble.Sleep(time.Second)
		}
	})
}

func TestTheUnusedBudgetDoesNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Attempts: 1000, Backoff: 1, MaxBackoff: 1})
		for range 100_000 { // 1000 calls a second
			_ = r.Do(t.Context(), true, func(context.Context, int) error { return nil })
			bubble.Sleep(time.Millisecond)
		}
		if n, _ := attempts(t.Context(), r, true, errDown); n < 10 || n > 21 {
			t.Errorf("%d attempts of one call; a fifth of a second's share is 18", n)
		}
		bubble.Sleep(time.Hour)
		if n, _ := attempts(t.Context(), r, true, errDown); n != 3 {
			t.Errorf("%d attempts after an hour of nothing", n)
		}
	})
}

// ledger is a slow and obvious reference of the budget: each call adds its share at once.
type ledger struct {
	percent, perSecond, share, floor float64
	saved, earnings                  float64
	refused                          bool // a repeat was, and no call has succeeded since
	at                               time.Time
	since                            time.Time // start of a period of a second or more
	calls, perSecondNow              float64   // in the period, and in the one before
}

func (l *ledger) addTime() {
	l.floor = min(l.floor+time.Since(l.at).Seconds()*l.perSecond, 2)
	l.at = time.Now()
}

func (l *ledger) call() {
	l.calls++
	if took := time.Since(l.since).Seconds(); took >= 1 {
		l.perSecondNow, l.calls, l.since = l.calls/took, 0, time.Now()
	}
	share := 0.9 * l.percent / 100
	l.share += share
	if over := l.share - max(1, l.perSecondNow*share/5); over > 0 {
		l.share -= over
		l.saved = min(l.saved+over, 100)
	}
}

// repeat says whether a repeat is allowed; sure is false if rounding decides.
func (l *ledger) repeat() (may, sure bool) {
	l.addTime()
	sure = math.Abs(l.share-1) > 1e-6 && math.Abs(l.floor-1) > 1e-6 && math.Abs(l.earnings-1) > 1e-6
	return l.share >= 1 || l.floor >= 1 || l.earnings >= 1, sure
}

func (l *ledger) pay() {
	if l.earnings >= 1 {
		l.earnings--
		return
	}
	l.share, l.floor = max(l.share-1, -5), max(l.floor-1, -5)
}

// succeed spends the saved share if a repeat was refused before.
func (l *ledger) succeed() {
	if l.refused {
		l.earnings, l.saved, l.refused = min(l.earnings+l.saved, 200), 0, false
	}
}

func TestTheBudgetMatchesItsReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		budget := retry.Budget{
			Percent:   rapid.IntRange(1, 100).Draw(rt, "percent"),
			PerSecond: rapid.Float64Range(0.1, 5).Draw(rt, "per second"),
		}
		// Waits in ms, a call that succeeds (0) or fails (-1).
		script := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 1000), rapid.IntRange(-1, 0), rapid.IntRange(-1, 0), rapid.Just(-1)), 1, 400).Draw(rt, "script")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, budget, script) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// play returns the first difference between the retrier and the ledger, if any.
func play(t *testing.T, budget retry.Budget, script []int) string {
	r := retry.New("orders", retry.Policy{Attempts: 2, Backoff: 1, MaxBackoff: 1, Budget: budget})
	model := ledger{percent: float64(budget.Percent), perSecond: budget.PerSecond, share: 1, floor: 2, saved: 100, at: time.Now(), since: time.Now()}
	var calls, repeats, refused uint64
	for i, op := range script {
		if op > 0 {
			bubble.Sleep(time.Duration(op) * time.Millisecond)
			continue
		}
		var err error
		if op < 0 {
			err = errDown
		}
		n, _ := attempts(t.Context(), r, true, err)
		calls++
		model.call()
		switch may, sure := model.repeat(); {
		case err == nil:
			model.succeed()
		case sure && may != (n == 2):
			return fmt.Sprintf("step %d: %d attempts; the model has %+v", i, n, model)
		case n == 2:
			repeats++
			model.pay()
		default:
			refused++
			model.refused = true
		}
		if s := r.Snapshot(); s.Calls != calls || s.Repeats != repeats || s.Refused != refused || s.Left < 0 {
			return fmt.Sprintf("step %d: %+v after %d calls, %d repeats and %d refused", i, s, calls, repeats, refused)
		}
	}
	return ""
}

// FuzzBudget plays calls, waits and changes of policy. In every period the repeats must not
// exceed the larger bound of the period plus what may be in store.
func FuzzBudget(f *testing.F) {
	f.Add([]byte{1, 1, 1, 200, 1, 1, 2, 2, 2, 255, 1})
	f.Add([]byte("a client of many calls, all of which fail, now and then"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 300 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			p := retry.Policy{Attempts: 2, Backoff: 1, MaxBackoff: 1}
			r := retry.New("orders", p)
			begun, calls, repeats := time.Now(), []int{0}, []int{0}
			at := []time.Duration{0}
			for _, b := range script {
				switch b % 4 {
				case 0:
					bubble.Sleep(time.Duration(b) * 4 * time.Millisecond)
				case 1, 2:
					n, _ := attempts(t.Context(), r, true, errDown)
					calls, repeats = append(calls, calls[len(calls)-1]+1), append(repeats, repeats[len(repeats)-1]+n-1)
					at = append(at, time.Since(begun))
				case 3:
					p.Seed = uint64(b)
					if err := r.Set(p); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := range at {
				for j := i + 1; j < len(at); j++ {
					most := max(0.1*float64(calls[j]-calls[i])+1, (at[j]-at[i]).Seconds()+2)
					if got := float64(repeats[j] - repeats[i]); got > most+2*5 { // and the debt
						t.Fatalf("%v repeats of %d calls in %s, at most %v", got, calls[j]-calls[i], at[j]-at[i], most)
					}
					if i == 0 && float64(repeats[j]) > 0.1*float64(calls[j])+1+at[j].Seconds()+2 {
						t.Fatalf("%d repeats of %d calls in the first %s", repeats[j], calls[j], at[j])
					}
				}
			}
		})
	})
}

func TestConcurrentCallsAreCountedOnce(t *testing.T) {
	r := retry.New("orders", retry.Policy{Backoff: 1, MaxBackoff: 1})
	var all sync.WaitGroup
	var lock sync.Mutex
	made := 0
	for range 8 {
		all.Go(func() {
			own := 0
			for range 2000 {
				n, _ := attempts(context.Background(), r, true, errDown)
				own += n
				if own%100 == 0 {
					_ = r.Set(retry.Policy{Backoff: 1, MaxBackoff: 1, Seed: uint64(own)})
				}
			}
			lock.Lock()
			defer lock.Unlock()
			made += own
		})
	}
	all.Wait()
	s := r.Snapshot()
	if s.Calls != 16_000 || int(s.Calls+s.Repeats) != made || s.Refused == 0 || float64(s.Repeats) > 0.1*16_000+120 {
		t.Errorf("%d attempts, %+v", made, s)
	}
}

func TestASeedRepeatsTheWaits(t *testing.T) {
	waits := func(seed uint64) (all [7]time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			r := retry.New("orders", retry.Policy{Attempts: 7, Seed: seed, Budget: retry.Budget{Disabled: true}})
			last := time.Now()
			_ = r.Do(t.Context(), true, func(_ context.Context, n int) error {
				all[n-1] = time.Since(last)
				last = time.Now()
				return fault.Unavailable
			})
		})
		return all
	}
	if waits(7) != waits(7) || waits(7) == waits(8) || waits(0) == waits(0) {
		t.Error("the waits do not go by the seed")
	}
}
