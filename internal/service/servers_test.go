package service_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
	"github.com/sinew-go/sinew/internal/servicetest"
)

// serve serves h on a pipe.
func serve(t *testing.T, h http.HandlerFunc) (*service.RunState, *service.Servers, *servicetest.Pipe) {
	t.Helper()
	state, pipe := started(t), servicetest.NewPipe()
	s := service.NewServers(state, noLog)
	if err := s.Serve(pipe, &http.Server{Handler: h}, 10); err != nil {
		t.Fatal(err)
	}
	return state, s, pipe
}

// get sends a request through the pipe and returns its result when it is there.
func get(t *testing.T, pipe *servicetest.Pipe) chan error {
	t.Helper()
	result, client := make(chan error, 1), pipe.Client()
	go func() {
		answer, err := client.Get("http://inventory/")
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		client.CloseIdleConnections()
		result <- err
	}()
	return result
}

func TestAServerStopsWhenItsRequestsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, s, pipe := serve(t, func(http.ResponseWriter, *http.Request) { bubble.Sleep(time.Minute) })
		result := get(t, pipe)
		synctest.Wait()
		state.Stop()
		if served, err := s.Stop(t.Context()); !served || err != nil {
			t.Errorf("stop: got %v, %v, want true without an error", served, err)
		}
		if err := <-result; err != nil {
			t.Errorf("the request in flight got %v, want an answer", err)
		}
		select {
		case err := <-s.Failed():
			t.Errorf("a server that was stopped has failed: %v", err)
		default:
		}
	})
}

func TestRequestsAreCutOffWhenTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, s, pipe := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		result := get(t, pipe)
		synctest.Wait()
		state.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		wantText(t, err, "requests were cut off")
		if err := <-result; err == nil {
			t.Error("the request in flight got an answer")
		}
	})
}

func TestAHandlerThatHasTakenOverItsConnectionIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		s := service.NewServers(state, noLog)
		here, there := net.Pipe()
		done := s.Hijacked("GET /socket", there)
		time.AfterFunc(time.Minute, done)
		state.Stop()
		begun := time.Now()
		if _, err := s.Stop(t.Context()); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("it waited %s, want 1m", took)
		}
		_ = here.Close()
	})
}

func TestAConnectionThatAHandlerHasTakenOverIsClosedWhenTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		s := service.NewServers(state, noLog)
		here, there := net.Pipe()
		done := s.Hijacked("GET /socket", there)
		go func() {
			defer done()
			_, _ = there.Read(make([]byte, 1))
		}()
		state.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Stop(ctx)
		wantText(t, err, "taken over were cut off")
		_ = here.Close()
	})
}

func TestNoListenerIsServedWhenTheServiceIsStopping(t *testing.T) {
	s, pipe := service.NewServers(stopped(t), noLog), servicetest.NewPipe()
	if err := s.Serve(pipe, &http.Server{}, 0); !errors.Is(err, fault.Canceled) {
		t.Errorf("got %v, want %v", err, fault.Canceled)
	}
	if s.Any() {
		t.Error("there is a server")
	}
	if err := pipe.Close(); err != nil {
		t.Errorf("the listener is not left to its owner: %v", err)
	}
	if served, err := s.Stop(t.Context()); served || err != nil {
		t.Errorf("stop: got %v, %v, want false without an error", served, err)
	}
}

func TestAServerWhoseListenerFailsIsReported(t *testing.T) {
	state, s, pipe := serve(t, func(http.ResponseWriter, *http.Request) {})
	_ = pipe.Close()
	err := <-s.Failed()
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, fault.Unavailable)
	}
	wantText(t, err, "service inventory stopped serving", "/run/inventory.sock")
	state.Stop()
	_, _ = s.Stop(t.Context())
}
