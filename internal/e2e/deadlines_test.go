package e2e_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

// serviceTimes are the routes of a service, and how long each needs.
var serviceTimes = map[string]time.Duration{"/fast": time.Millisecond, "/slow": 300 * time.Millisecond, "/hangs": time.Hour}

// slowService answers each path after its service time. With observesDeadline it stops at
// its caller's deadline, else it goes on.
type slowService struct{ observesDeadline bool }

func (s slowService) RoundTrip(r *http.Request) (*http.Response, error) {
	took := time.NewTimer(serviceTimes[r.URL.Path])
	defer took.Stop()
	over := make(<-chan time.Time)
	if left, err := time.ParseDuration(r.Header.Get("X-Request-Timeout")); s.observesDeadline && err == nil {
		over = time.After(left)
	}
	w := httptest.NewRecorder()
	select {
	case <-took.C:
		w.WriteHeader(http.StatusNoContent)
	case <-over:
		rest.WriteError(w, fault.DeadlineExceeded.Errorf("the time was over"))
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// gatewayTo is a service that forwards everything.
func gatewayTo(t *testing.T, c sinew.Config) *sinew.Service {
	c.Static = servicetest.InventoryAddress
	gateway := servicetest.New(t, c)
	for path := range serviceTimes {
		rest.Route[endpoint.None, endpoint.None]{Pattern: "GET " + path}.Forward(gateway, gateway.Client("inventory"))
	}
	return gateway
}

func askIn(svc *sinew.Service, ctx context.Context, path, timeout string) int {
	r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
	r.RemoteAddr = "192.0.2.77:5"
	r.Header.Set("X-Request-Timeout", timeout)
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, r)
	_, _ = io.Copy(io.Discard, w.Result().Body)
	return w.Code
}

func TestAnUntrustedDeadlineBlamesNeitherTheServiceNorItsInstances(t *testing.T) {
	for _, policy := range []breaker.Policy{{}, breaker.Consecutive} {
		for _, heeds := range []bool{true, false} {
			for _, path := range []string{"/slow", "/hangs"} {
				for _, timeout := range []string{"2ms", "40ms", "200ms", "3s"} {
					synctest.Test(t, func(t *testing.T) {
						gateway := gatewayTo(t, sinew.Config{
							Transport: slowService{heeds}, Clients: map[string]sinew.ClientPolicy{"inventory": {Breaker: policy}},
						})
						for range 100 {
							if code := askIn(gateway, t.Context(), "/fast", ""); code != 204 {
								t.Fatalf("before: %d", code)
							}
						}
						for range 100 {
							askIn(gateway, t.Context(), path, timeout)
							if code := askIn(gateway, t.Context(), "/fast", ""); code != 204 {
								t.Fatalf("%s in %s (heeded: %v): an honest call got %d", path, timeout, heeds, code)
							}
						}
						if s := gateway.Client("inventory").Snapshot(); s.Breaker.Statistics.FailedRequests != 0 || s.Breaker.State != breaker.Closed || s.Balance.Instances[0].Ejected {
							t.Errorf("%s in %s (heeded: %v): %+v", path, timeout, heeds, s)
						}
					})
				}
			}
		}
	}
}

// Our own limit, and that of a trusted caller, do show that a service hangs.
func TestTrustedDeadlinesBlameAServiceThatHangs(t *testing.T) {
	everybody := func(*http.Request) bool { return true }
	for _, c := range []struct {
		name    string
		trust   func(*http.Request) bool
		timeout string
	}{
		{name: "the caller is ours", trust: everybody, timeout: "6s"},
		{name: "the limit is ours", trust: nil, timeout: "1h"},
		{name: "there is none", trust: nil, timeout: ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			gateway := gatewayTo(t, sinew.Config{Transport: slowService{}, Trust: c.trust})
			for range 3 {
				askIn(gateway, t.Context(), "/hangs", c.timeout)
			}
			if s := gateway.Client("inventory").Snapshot().Breaker; s.Statistics.FailedRequests == 0 {
				t.Errorf("%s: %+v", c.name, s)
			}
		})
	}
}

func TestAHandlersOwnEarlierDeadlineIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := servicetest.New(t, sinew.Config{Transport: slowService{}, Static: servicetest.InventoryAddress})
		hangs := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /hangs"}
		ask := hangs.Endpoint(gateway.Client("inventory"))
		hangs.Handle(gateway, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
			ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
			defer cancel()
			_, err := ask(ctx, endpoint.None{})
			if !errors.Is(err, fault.DeadlineExceeded) || !strings.Contains(err.Error(), "inventory") {
				t.Errorf("%v", err)
			}
			return endpoint.None{}, err
		})
		askIn(gateway, t.Context(), "/hangs", "1m")
		if s := gateway.Client("inventory").Snapshot().Breaker; s.Statistics.FailedRequests != 1 {
			t.Errorf("%+v", s)
		}
	})
}

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
	for _, c := range []struct {
		where string
		made  func(t *testing.T) *sinew.Service
	}{
		{where: "there", made: at},
		{where: "a gateway", made: before(true)},
		{where: "a gateway to a deaf one", made: before(false)},
	} {
		for _, timeout := range []string{"40ms", "150ms", "290ms", "310ms", "400ms"} {
			callAsStranger(t, c.made, c.where, timeout)
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
				for begun := time.Now(); time.Since(begun) < 30*time.Second; bubble.Sleep(pause) {
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
