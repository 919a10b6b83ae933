package service_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/internal/service"
)

func TestWaitReturnsWhenAllTasksHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g service.TaskGroup
		g.Start("short", func() { bubble.Sleep(time.Second) })
		g.Start("long", func() { bubble.Sleep(time.Minute) })
		begun := time.Now()
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it waited %s, want 1m", took)
		}
		if g.IsBusy() {
			t.Error("it is busy after the last task has ended")
		}
	})
}

func TestWaitNamesTheTasksThatDidNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g service.TaskGroup
		g.Start("b", func() { bubble.Sleep(time.Hour) })
		g.Start("ends", func() {})
		done := g.Add("a")
		err := g.Wait(ended())
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		wantText(t, err, "a, b did not end in time")
		done()
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("when they end later: got %v, want no error", err)
		}
	})
}

func TestTasksThatEndJustAfterTheCutOffHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g service.TaskGroup
		g.Start("soon", func() { bubble.Sleep(50 * time.Millisecond) })
		if err := g.Wait(ended()); err != nil {
			t.Errorf("got %v, want no error", err)
		}
	})
}

func TestWithinReturnsTheResultOfTheWork(t *testing.T) {
	want := errors.New("refused")
	if err := service.Within(t.Context(), "asking", func() error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestWithinDoesNotWaitForWorkThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := service.Within(ctx, "asking", func() error {
			bubble.Sleep(time.Hour)
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		wantText(t, err, "asking did not end in time")
		bubble.Sleep(time.Hour)
	})
}
