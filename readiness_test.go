package sinew_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
)

// readyz returns the answer of /readyz of a service without a socket.
func readyz(svc *sinew.Service) (status int, body string) {
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	return w.Code, w.Body.String()
}

func TestAHangingReadinessCheckFailsAndIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
		defer func() { _ = svc.Shutdown(t.Context()) }()
		var begun atomic.Int64
		answer := make(chan struct{})
		svc.AddReadinessCheck("database", func(context.Context) error {
			begun.Add(1)
			<-answer
			return nil
		})
		before := time.Now()
		var looks sync.WaitGroup
		for range 5 {
			looks.Go(func() {
				if status, body := readyz(svc); status != 503 || !strings.Contains(body, "database") {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		looks.Wait()
		for range 5 { // a later poll does not wait for it
			if status, _ := readyz(svc); status != 503 {
				t.Errorf("later: %d", status)
			}
		}
		if took := time.Since(before); took != 2*time.Second || begun.Load() != 1 {
			t.Errorf("%d begun, looked at for %s", begun.Load(), took)
		}
		close(answer)
		synctest.Wait()
		if status, body := readyz(svc); status != 200 || begun.Load() != 2 {
			t.Errorf("once it answers: %d %s, %d begun", status, body, begun.Load())
		}
	})
}

func TestReadyzReturnsWhenItsCallersTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
		defer func() { _ = svc.Shutdown(t.Context()) }()
		svc.AddReadinessCheck("database", func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		hurried, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequestWithContext(hurried, "GET", "/readyz", nil))
		if w.Code != 503 {
			t.Errorf("in a hurry: %d", w.Code)
		}
		if status, body := readyz(svc); status != 200 { // the caller's leaving did not end the check
			t.Errorf("in time: %d %s", status, body)
		}
	})
}

func TestAReadinessCheckThatPanicsHasFailed(t *testing.T) {
	var log bytes.Buffer
	svc := servicetest.New(t, sinew.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	svc.AddReadinessCheck("database", func(context.Context) error { panic("secret") })
	if status, body := readyz(svc); status != 503 || !strings.Contains(body, "database") || strings.Contains(body, "secret") {
		t.Errorf("%d %s", status, body)
	}
	if text := log.String(); !strings.Contains(text, "database") || !strings.Contains(text, "secret") || !strings.Contains(text, "readiness_test.go") {
		t.Errorf("the log says %s", text)
	}
}
