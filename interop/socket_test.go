package interop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/tracing"
)

// chat is a handler that upgrades to a WebSocket. It echoes messages until its peer leaves,
// or until the service stops, of which it informs the peer.
func chat(svc *sinew.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
		}
		defer func() { _ = conn.CloseNow() }()
		ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
		defer stop()
		go func() {
			select {
			case <-svc.Stopping():
				_ = conn.Close(websocket.StatusGoingAway, "the service stops")
			case <-ctx.Done():
			}
		}()
		for {
			kind, text, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if err := conn.Write(ctx, kind, text); err != nil {
				return
			}
		}
	})
}

// overPipe starts a service that is called by a client in memory, and returns the client.
func overPipe(t *testing.T, c sinew.Config, register func(*sinew.Service)) (*sinew.Service, *http.Client) {
	t.Helper()
	pipe := servicetest.NewPipe()
	c.Listener, c.Logger, c.DrainDelay = pipe, servicetest.NoLog, -1
	svc := sinew.New("chat", c)
	register(svc)
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return svc, pipe.Client()
}

func TestAWebSocketOfCoderIsOneSuccessWithoutAPlaceInTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := &tracing.Recorder{}
		svc, client := overPipe(t, sinew.Config{Tracer: spans, Limit: limit.Adaptive{Max: 1}}, func(svc *sinew.Service) {
			svc.Use(allMiddlewares()...)
			svc.Handle("GET /chat", chat(svc))
		})
		conn, _, err := websocket.Dial(t.Context(), "ws://chat/chat", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // it is the connection's
		if err != nil {
			t.Fatal(err)
		}
		bubble.Sleep(time.Hour)
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Error(err)
		}
		if _, text, err := conn.Read(t.Context()); err != nil || string(text) != "hello" {
			t.Errorf("after an hour it hears %q, %v", text, err)
		}
		if got := servicetest.Series(svc, "sinew_server_in_flight"); len(got) != 1 || !strings.HasSuffix(got[0], " 0") {
			t.Errorf("meanwhile the limit has %v in flight", got)
		}
		if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		synctest.Wait()
		if got := servicetest.Series(svc, `sinew_server_requests_total{`); len(got) != 1 || !strings.Contains(got[0], `code="ok"`) {
			t.Errorf("it is counted as %v, want one success", got)
		}
		if got := servicetest.Series(svc, "sinew_server_request_duration_seconds_sum"); len(got) != 1 || !strings.HasSuffix(got[0], " 0") {
			t.Errorf("its latency is %v, want that of the upgrade", got)
		}
		if all := spans.Spans(); len(all) != 1 || all[0].Name != "GET /chat" || all[0].Tags["error"] != "" {
			t.Errorf("the spans are %+v, want one without an error", all)
		}
		if err := svc.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestAWebSocketEndsWhenItsServiceStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, client := overPipe(t, sinew.Config{}, func(svc *sinew.Service) { svc.Handle("GET /chat", chat(svc)) })
		conn, _, err := websocket.Dial(t.Context(), "ws://chat/chat", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // it is the connection's
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan error, 1)
		go func() {
			_, _, err := conn.Read(context.Background())
			heard <- err
		}()
		start := time.Now()
		if err := svc.Shutdown(context.Background()); err != nil || time.Since(start) > time.Second {
			t.Errorf("the service stops after %s with %v", time.Since(start), err)
		}
		if err := <-heard; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the peer hears %v, want that it goes away", err)
		}
	})
}

func TestAWebSocketWhosePeerIsSilentHoldsAStopForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, client := overPipe(t, sinew.Config{}, func(svc *sinew.Service) {
			svc.Handle("GET /chat", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				defer func() { _ = conn.CloseNow() }()
				_, _, _ = conn.Read(context.Background()) // which does not observe that the service stops
			}))
		})
		conn, _, err := websocket.Dial(t.Context(), "ws://chat/chat", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // it is the connection's
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.CloseNow() }()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if err := svc.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "taken over") || time.Since(start) != 5*time.Second {
			t.Errorf("the service stops after %s with %v, want an error after 5s", time.Since(start), err)
		}
	})
}
