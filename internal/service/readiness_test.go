package service_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
)

func TestAServiceWithoutChecksIsReadyUntilItStops(t *testing.T) {
	state := started(t)
	r := service.NewReadiness(state, noLog)
	if err := r.Check(t.Context()); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	state.Stop()
	err := r.Check(t.Context())
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("when it stops: got %v, want %v", err, fault.Unavailable)
	}
	wantText(t, err, "inventory is stopping")
}

func TestAServiceIsNotReadyWhileACheckFails(t *testing.T) {
	r := service.NewReadiness(started(t), noLog)
	var broken atomic.Bool
	broken.Store(true)
	r.Add("database", func(context.Context) error {
		if broken.Load() {
			return errors.New("away")
		}
		return nil
	})
	r.Add("cache", func(context.Context) error { return nil })
	err := r.Check(t.Context())
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, fault.Unavailable)
	}
	wantText(t, err, "it waits for [database]", "away")
	broken.Store(false)
	if err := r.Check(t.Context()); err != nil {
		t.Errorf("once it passes: got %v, want no error", err)
	}
}

func TestThoseWhoAskAtOnceShareOneRunOfACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := service.NewReadiness(started(t), noLog)
		var runs atomic.Int64
		r.Add("database", func(context.Context) error {
			runs.Add(1)
			bubble.Sleep(time.Second)
			return nil
		})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if err := r.Check(t.Context()); err != nil {
					t.Errorf("got %v, want no error", err)
				}
			})
		}
		all.Wait()
		if got := runs.Load(); got != 1 {
			t.Errorf("the check ran %d times, want once", got)
		}
	})
}

func TestACheckThatDoesNotReturnFailsAfterItsTimeAndIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := service.NewReadiness(started(t), noLog)
		var runs atomic.Int64
		r.Add("database", func(context.Context) error {
			runs.Add(1)
			bubble.Sleep(time.Minute)
			return nil
		})
		begun := time.Now()
		for range 3 {
			wantText(t, r.Check(t.Context()), "database", "it has not answered")
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("three polls took %s, want 2s", took)
		}
		if got := runs.Load(); got != 1 {
			t.Errorf("the check ran %d times, want once", got)
		}
		bubble.Sleep(time.Minute)
	})
}

func TestACallerWhoGivesUpDoesNotEndTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := service.NewReadiness(started(t), noLog)
		r.Add("database", func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		wantText(t, r.Check(ended()), "it has not answered")
		if err := r.Check(t.Context()); err != nil {
			t.Errorf("who waits for the same run: got %v, want no error", err)
		}
	})
}

func TestACheckThatPanicsHasFailedAndIsLogged(t *testing.T) {
	var log bytes.Buffer
	r := service.NewReadiness(started(t), slog.New(slog.NewTextHandler(&log, nil)))
	r.Add("database", func(context.Context) error { panic("secret") })
	err := r.Check(t.Context())
	wantText(t, err, "database", "the check panicked")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error %q has the panic's value", err)
	}
	for _, want := range []string{"check=database", "panic=secret", "readiness_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says %q, want %q in it", log.String(), want)
		}
	}
}

func TestStopEndsTheChecksThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		r := service.NewReadiness(state, noLog)
		r.Add("polite", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		go func() { _ = r.Check(t.Context()) }()
		synctest.Wait()
		state.Stop()
		begun := time.Now()
		if err := r.Stop(t.Context()); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("it waited %s, want none", took)
		}
	})
}

func TestStopNamesACheckThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		r := service.NewReadiness(state, noLog)
		r.Add("rude", func(context.Context) error { bubble.Sleep(time.Hour); return nil })
		go func() { _ = r.Check(t.Context()) }()
		synctest.Wait()
		state.Stop()
		begun := time.Now()
		wantText(t, r.Stop(t.Context()), "readiness check rude did not end in time")
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("it waited %s, want about 2s", took)
		}
		bubble.Sleep(time.Hour)
	})
}
