package sinew_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
)

// A stranger allows a slow operation less time than it needs, or hardly more, forty
// times a second. The service has the capacity for all calls.
func TestAnUntrustedDeadlineMakesTheLimitRefuseNobodyElse(t *testing.T) {
	at := func(t *testing.T) *sinew.Service {
		svc := servicetest.New(t, sinew.Config{})
		for path, took := range serviceTimes {
			svc.Handle("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(took):
					w.WriteHeader(http.StatusNoContent)
				case <-r.Context().Done():
					w.WriteHeader(http.StatusGatewayTimeout)
				}
			}))
		}
		return svc
	}
	before := func(heeds bool) func(t *testing.T) *sinew.Service {
		return func(t *testing.T) *sinew.Service { return gatewayTo(t, sinew.Config{Transport: slowService{heeds}}) }
	}
	for where, made := range map[string]func(t *testing.T) *sinew.Service{"there": at, "a gateway": before(true), "a gateway to a deaf one": before(false)} {
		for _, timeout := range []string{"40ms", "150ms", "290ms", "310ms", "400ms"} {
			callAsStranger(t, made, where, timeout)
		}
	}
}

// callAsStranger makes calls of honest callers, and calls of an untrusted one that allows
// only this little time.
func callAsStranger(t *testing.T, made func(t *testing.T) *sinew.Service, where, timeout string) {
	synctest.Test(t, func(t *testing.T) {
		svc := made(t)
		var all sync.WaitGroup
		var honest, refused atomic.Int64
		every := func(pause time.Duration, path, timeout string, count bool) {
			all.Go(func() {
				for begun := time.Now(); time.Since(begun) < 30*time.Second; <-time.After(pause) {
					all.Go(func() {
						r := httptest.NewRequestWithContext(context.Background(), "GET", path, nil)
						r.RemoteAddr = "192.0.2.77:5"
						if timeout != "" {
							r.Header.Set("X-Request-Timeout", timeout)
						}
						w := httptest.NewRecorder()
						svc.Handler().ServeHTTP(w, r)
						if count {
							honest.Add(1)
						}
						if count && w.Code == http.StatusServiceUnavailable {
							refused.Add(1)
						}
					})
				}
			})
		}
		every(100*time.Millisecond, "/slow", "", true)
		every(50*time.Millisecond, "/fast", "", true)
		every(25*time.Millisecond, "/slow", timeout, false)
		all.Wait()
		if refused.Load() > 0 {
			t.Errorf("%s, %s: %d of %d honest calls are refused", where, timeout, refused.Load(), honest.Load())
		}
	})
}
