package saga_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

func TestMetricsCountRunsAndSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := saga.Definition[int]{Name: "checkout", Steps: []saga.Step[int]{
			{Name: "reserve", Do: same, Undo: func(context.Context, int) (int, error) { return 0, fault.Internal }},
			{Name: "pay", Do: func(_ context.Context, n int) (int, error) {
				if n > 0 {
					return n, fault.FailedPrecondition
				}
				return n, nil
			}},
		}}
		run := saga.New(d, saga.NewMemory()).With(silent)
		stop := running(run.Run)
		defer stop()
		for id, n := range map[string]int{"good": 0, "bad": 1} {
			if err := run.Start(t.Context(), id, n); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Hour)
		want := `
# HELP sinew_saga_runs Runs in the store by phase: running, undoing, parked, done, undone.
# TYPE sinew_saga_runs gauge
sinew_saga_runs{phase="done",saga="checkout"} 1
sinew_saga_runs{phase="parked",saga="checkout"} 1
sinew_saga_runs{phase="running",saga="checkout"} 0
sinew_saga_runs{phase="undoing",saga="checkout"} 0
sinew_saga_runs{phase="undone",saga="checkout"} 0
# HELP sinew_saga_steps_total What became of the steps that this process called: done, repeated, failed, interrupted, undone, parked, and others.
# TYPE sinew_saga_steps_total counter
sinew_saga_steps_total{result="done",saga="checkout",step="pay"} 1
sinew_saga_steps_total{result="done",saga="checkout",step="reserve"} 2
sinew_saga_steps_total{result="failed",saga="checkout",step="pay"} 1
sinew_saga_steps_total{result="parked",saga="checkout",step="reserve"} 1
sinew_saga_steps_total{result="repeated",saga="checkout",step="reserve"} 4
`
		if err := testutil.CollectAndCompare(run, strings.NewReader(want), "sinew_saga_runs", "sinew_saga_steps_total"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.CollectAndLint(run); err != nil || len(problems) > 0 {
			t.Errorf("the linter of metrics says %v (%v)", problems, err)
		}
	})
}

// dead is a store that does not answer.
type dead struct{ *saga.Memory }

// Count implements saga.Store.
func (dead) Count(context.Context, string) (saga.Counts, error) {
	return saga.Counts{}, errors.New("the database is away")
}

func TestMetricsOfTheStoreAreMissingWhenItDoesNotAnswer(t *testing.T) {
	run := saga.New(counter, dead{saga.NewMemory()}).With(silent)
	if n := testutil.CollectAndCount(run, "sinew_saga_runs"); n != 0 {
		t.Errorf("%d metrics of a store that is away", n)
	}
	if err := prometheus.NewRegistry().Register(run); err != nil {
		t.Error(err)
	}
}

// lines is the log of a test.
type lines struct {
	mu  sync.Mutex
	all []string
}

// Write implements io.Writer.
func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(text))
	return len(text), nil
}

func TestAParkedRunIsLoggedAsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		d := saga.Definition[int]{Name: "checkout", Steps: []saga.Step[int]{
			{Name: "pay", Do: func(context.Context, int) (int, error) { return 0, fault.FailedPrecondition }, Undo: func(context.Context, int) (int, error) { return 0, fault.Internal }},
		}}
		run := saga.New(d, saga.NewMemory()).With(saga.Policy{Logger: slog.New(slog.NewTextHandler(log, nil))})
		stop := running(run.Run)
		if err := run.Start(t.Context(), "o-7", 1); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		stop()
		parked := 0
		for _, line := range log.all {
			if strings.Contains(line, "level=ERROR") && strings.Contains(line, "saga=checkout run=o-7 step=pay") {
				parked++
			}
		}
		if parked != 1 {
			t.Errorf("%d lines of level error name saga, run and step; the log is %q", parked, log.all)
		}
	})
}
