package limit

import (
	"testing"
	"time"
)

// successes is a window of 100 ms with ten successes of an operation that had a thousand.
func successes(took time.Duration) operationWindow {
	return operationWindow{
		operationCounts: operationCounts{succeeded: 10, spent: 10 * int64(took), served: 10},
		before:          operationCounts{succeeded: 1000}, length: 100 * ms,
	}
}

// known is the estimate of an operation that takes 10 ms.
func known() estimate {
	e := estimate{confirmed: float64(10 * ms)}
	e.baseline, e.best = float64(10*ms), float64(10*ms)
	return e
}

func TestABaselineMovesDownFasterThanUpAndInDoubtDownOnly(t *testing.T) {
	doubtful := func(w operationWindow) operationWindow {
		w.doubtful = true
		return w
	}
	expiring := func(w operationWindow) operationWindow {
		w.expired = 3
		return w
	}
	for _, c := range []struct {
		name   string
		window operationWindow
		want   time.Duration
	}{
		{"slower calls", successes(20 * time.Millisecond), 10*time.Millisecond + 100*time.Microsecond},
		{"slower calls in doubt", doubtful(successes(20 * time.Millisecond)), 10 * time.Millisecond},
		{"slower calls while many expire", expiring(successes(20 * time.Millisecond)), 10 * time.Millisecond},
		{"quicker calls", successes(4 * time.Millisecond), 9_800 * time.Microsecond},
		{"quicker calls in doubt", doubtful(successes(4 * time.Millisecond)), 9_800 * time.Microsecond},
		{"no calls", operationWindow{length: 100 * ms}, 10 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := known()
			e.add(c.window)
			if got := time.Duration(e.baseline).Round(time.Microsecond); got != c.want {
				t.Errorf("the baseline is %s, want %s", got, c.want)
			}
		})
	}
}

func TestABaselineDoesNotFollowAQueueThatGrowsSlowly(t *testing.T) {
	e := known()
	for i := range 600 { // a minute
		e.add(successes(10*time.Millisecond + time.Duration(i)*time.Millisecond))
	}
	if got := time.Duration(e.baseline); got > 60*time.Millisecond {
		t.Errorf("after a minute of a growing queue the baseline is %s, want at most 60ms of 600ms", got)
	}
}

func TestAFailedTrialMakesTheLatencyTheBaseline(t *testing.T) {
	e := known()
	e.lastMean = float64(70 * ms)
	e.adopt(5)
	if got := time.Duration(e.baseline); got != 70*time.Millisecond {
		t.Errorf("the baseline is %s, want that of the last window, 70ms", got)
	}
	e.lastMean = float64(1000 * ms)
	e.adopt(1)
	if got := time.Duration(e.baseline); got != 140*time.Millisecond {
		t.Errorf("the baseline is %s, want no more than twice the latency of the trial, 140ms", got)
	}
}
