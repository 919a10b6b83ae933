package service_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
)

// countedJob adds 1 to running while it runs.
func countedJob(running *atomic.Int64) func(context.Context) {
	return func(ctx context.Context) {
		running.Add(1)
		defer running.Add(-1)
		<-ctx.Done()
	}
}

func TestAJobWaitsForTheStartAndOneAddedLaterDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := service.NewRunState("inventory")
		jobs := service.NewJobs(state)
		var running atomic.Int64
		want := func(when string, n int64) {
			t.Helper()
			synctest.Wait()
			if got := running.Load(); got != n {
				t.Errorf("%s: %d jobs run, want %d", when, got, n)
			}
		}
		jobs.Add(countedJob(&running))
		want("before the start", 0)
		_ = state.Start()
		jobs.Add(countedJob(&running))
		want("added while the service starts", 1)
		if err := jobs.Start(t.Context()); err != nil {
			t.Errorf("start: %v", err)
		}
		want("after the start", 2)
		state.Stop()
		jobs.Add(countedJob(&running))
		want("added while the service drains", 3)
		if ran, err := jobs.Stop(t.Context()); !ran || err != nil {
			t.Errorf("stop: got %v, %v, want true without an error", ran, err)
		}
		want("after the stop", 0)
		if jobs.Add(countedJob(&running)) {
			t.Error("a job that is added after the stop is not refused")
		}
		want("added after the stop", 0)
	})
}

func TestJobsDoNotStartWhenTheServiceIsStopping(t *testing.T) {
	jobs := service.NewJobs(stopped(t))
	if err := jobs.Start(t.Context()); !errors.Is(err, fault.Canceled) {
		t.Errorf("got %v, want %v", err, fault.Canceled)
	}
	if ran, err := jobs.Stop(t.Context()); ran || err != nil {
		t.Errorf("stop: got %v, %v, want false without an error", ran, err)
	}
}

func TestStopNamesAJobThatIgnoresItsContext(t *testing.T) {
	jobs, release := service.NewJobs(started(t)), make(chan struct{})
	jobs.Add(func(context.Context) { <-release })
	_, err := jobs.Stop(ended())
	wantText(t, err, "background job", "TestStopNamesAJobThatIgnoresItsContext")
	close(release)
}
