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
		done, _ := s.Hijack("GET /socket", func() (net.Conn, error) { return there, nil })
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
		done, _ := s.Hijack("GET /socket", func() (net.Conn, error) { return there, nil })
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

func TestAHandlerThatIsTakingOverItsConnectionIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		s := service.NewServers(state, noLog)
		here, there := net.Pipe()
		defer func() { _ = here.Close() }()
		go func() {
			done, err := s.Hijack("GET /socket", func() (net.Conn, error) {
				bubble.Sleep(time.Minute)
				return there, nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			done()
		}()
		synctest.Wait()
		state.Stop()
		begun := time.Now()
		if _, err := s.Stop(t.Context()); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("it waited %s, want 1m; %v", time.Since(begun), err)
		}
	})
}

func TestAConnectionThatIsTakenOverWhenTheTimeIsUpIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := started(t)
		s := service.NewServers(state, noLog)
		here, there := net.Pipe()
		go func() {
			done, _ := s.Hijack("GET /socket", func() (net.Conn, error) {
				bubble.Sleep(time.Second + time.Millisecond)
				return there, nil
			})
			done()
		}()
		synctest.Wait()
		state.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Stop(ctx)
		wantText(t, err, "taken over were cut off")
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("its peer reads %v, want the end", err)
		}
	})
}

func TestAHandlerThatCannotTakeOverItsConnectionIsNotWaitedFor(t *testing.T) {
	state := started(t)
	s := service.NewServers(state, noLog)
	if done, err := s.Hijack("GET /socket", func() (net.Conn, error) { return nil, http.ErrHijacked }); done != nil || !errors.Is(err, http.ErrHijacked) {
		t.Errorf("got %v", err)
	}
	state.Stop()
	if _, err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
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
