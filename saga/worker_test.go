package saga_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/saga"
)

// faulty is a store that fails when it is told to.
type faulty struct {
	*saga.Memory
	renewals, saves atomic.Bool // fail
}

var errAway = errors.New("the database is away")

// Renew implements saga.Store.
func (f *faulty) Renew(ctx context.Context, c saga.Claim, lease time.Duration) error {
	if f.renewals.Load() {
		return errAway
	}
	return f.Memory.Renew(ctx, c, lease)
}

// Save implements saga.Store.
func (f *faulty) Save(ctx context.Context, c saga.Claim, u saga.Update) error {
	if f.saves.Load() {
		return errAway
	}
	return f.Memory.Save(ctx, c, u)
}

func TestTheStepsOfAWorkerThatLosesItsLeaseEndAndAnotherWorkerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: saga.NewMemory()}
		var calls, returned, ended atomic.Int64
		began := time.Now()
		d := saga.Definition[int]{Name: "counter", Steps: []saga.Step[int]{{Name: "add", Do: func(ctx context.Context, n int) (int, error) {
			if calls.Add(1) > 1 {
				return n + 1, nil
			}
			<-ctx.Done()
			ended.Store(int64(time.Since(began)))
			<-time.After(time.Minute) // it does not hear
			returned.Add(1)
			return n + 100, nil
		}}}}
		first := saga.New(d, store).With(silent)
		defer running(first.Run)()
		if err := first.Start(t.Context(), "1", 0); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if calls.Load() != 1 || ended.Load() != 0 {
			t.Fatal("a lease that is renewed has ended")
		}
		store.renewals.Store(true)
		store.saves.Store(true)
		second := saga.New(d, store.Memory).With(silent)
		defer running(second.Run)()
		end, err := second.Wait(t.Context(), "1")
		if err != nil || end.State != 1 {
			t.Errorf("the run is %+v (%v), want the state of the second worker", end, err)
		}
		if lost := time.Duration(ended.Load()) - time.Minute; lost <= 0 || lost > 10*time.Second {
			t.Errorf("the context of the step ended %s after the renewals did, want within the lease", lost)
		}
		<-time.After(time.Hour)
		if end, err := second.Get(t.Context(), "1"); err != nil || end.State != 1 || returned.Load() != 1 {
			t.Errorf("the run is %+v (%v) after the first worker has returned", end, err)
		}
	})
}

func TestAStepIsNotRepeatedWhileTheStoreIsAwayForLessThanTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: saga.NewMemory()}
		store.saves.Store(true)
		var calls atomic.Int64
		d := saga.Definition[int]{Name: "counter", Steps: []saga.Step[int]{{Name: "add", Do: func(_ context.Context, n int) (int, error) {
			calls.Add(1)
			return n + 1, nil
		}}}}
		run := saga.New(d, store).With(silent)
		defer running(run.Run)()
		if err := run.Start(t.Context(), "1", 0); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Second)
		store.saves.Store(false)
		if end, err := run.Wait(t.Context(), "1"); err != nil || end.State != 1 || calls.Load() != 1 {
			t.Errorf("the run is %+v (%v) after %d calls, want one", end, err, calls.Load())
		}
	})
}

func TestAProcessWorksOnConcurrencyRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		d := saga.Definition[int]{Name: "counter", Steps: []saga.Step[int]{{Name: "add", Do: func(_ context.Context, n int) (int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			<-time.After(time.Second)
			now.Add(-1)
			return n, nil
		}}}}
		policy := silent
		policy.Concurrency = 3
		run := saga.New(d, saga.NewMemory()).With(policy)
		defer running(run.Run)()
		for i := range 10 {
			if err := run.Start(t.Context(), fmt.Sprint(i), 0); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			if _, err := run.Wait(t.Context(), fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		}
		if most.Load() != 3 {
			t.Errorf("at most %d runs at once, want 3", most.Load())
		}
	})
}

func TestARunThatCannotBeReadIsStuckAndHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := saga.NewMemory()
		if _, err := store.Insert(t.Context(), saga.Record{Saga: "counter", ID: "bad", Version: 1, Phase: saga.Running, Data: []byte("{")}, nil); err != nil {
			t.Fatal(err)
		}
		run := saga.New(counter, store).With(silent)
		defer running(run.Run)()
		if err := run.Start(t.Context(), "good", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(t.Context(), "good"); err != nil {
			t.Error(err)
		}
		<-time.After(time.Hour)
		if stuck, err := run.Stuck(t.Context(), time.Minute, 10); err != nil || len(stuck) != 1 || stuck[0].ID != "bad" || stuck[0].Cause == nil {
			t.Errorf("stuck are %+v (%v), want the bad run and why", stuck, err)
		}
	})
}
