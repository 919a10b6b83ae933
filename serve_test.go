package sinew_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/registry"
)

func TestTLSAtBothEnds(t *testing.T) {
	source := httptest.NewTLSServer(nil)
	defer source.Close()
	pool := source.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	reg := registry.NewMemory()
	both := &tls.Config{Certificates: source.TLS.Certificates, RootCAs: pool, MinVersion: tls.VersionTLS12}
	svc := servicetest.StartInventory(t, sinew.Config{Registry: reg, TLS: both})
	shop := servicetest.New(t, sinew.Config{Registry: reg, TLS: both})
	got, err := api.GetStock.Endpoint(shop.Client("inventory"))(t.Context(), &api.StockRequest{ProductID: "p-1"})
	if err != nil || got.Available != 10 || !strings.HasPrefix(svc.URL(), "https://") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestUseWrapsEverythingAndHandlerNeedsNoSocket(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	defer func() { _ = svc.Shutdown(context.Background()) }()
	api.GetStock.Handle(svc, stock.Get)
	var order []string
	wrap := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				next.ServeHTTP(w, r)
			})
		}
	}
	svc.Use(wrap("outer"), wrap("inner"))
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/inventory/p-1", nil))
	if w.Code != 200 || !slices.Equal(order, []string{"outer", "inner"}) {
		t.Errorf("%d %v", w.Code, order)
	}
}

func TestMiddlewareMayAskTheServiceWhileItIsMade(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{})
	made := 0
	svc.Use(func(next http.Handler) http.Handler {
		svc.Client("auth")
		made++
		return next
	})
	readyz(svc)
	if status, _ := readyz(svc); status != 200 || made != 1 {
		t.Errorf("%d, made %d times", status, made)
	}
}

func TestUsePanicsAfterStart(t *testing.T) {
	svc := servicetest.StartInventory(t, sinew.Config{})
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "Use") || !strings.Contains(said, "inventory") {
			t.Errorf("middleware that would never run was taken: %s", said)
		}
	}()
	svc.Use(func(next http.Handler) http.Handler { return next })
}

func TestAnswersOfMiddlewareAnnounceTheStop(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{})
	svc.Use(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	})
	_ = svc.Shutdown(t.Context())
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 403 || w.Header().Get("Connection") != "close" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// serverOf returns the http.Server of a service with this Config.
func serverOf(t *testing.T, c sinew.Config) *http.Server {
	t.Helper()
	svc := sinew.New("inventory", servicetest.Local(c))
	var got *http.Server
	servicetest.Read.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		got, _ = ctx.Value(http.ServerContextKey).(*http.Server)
		return endpoint.None{}, nil
	})
	servicetest.Start(t, svc)
	if status, _, body := servicetest.Get(t, svc.URL()+"/look"); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	return got
}

func TestServersHaveTheConfiguredTimeLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		c                         sinew.Config
		header, read, write, idle time.Duration
	}{
		"zero":     {sinew.Config{}, 10 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute},
		"own":      {sinew.Config{ReadTimeout: 2 * time.Minute, WriteTimeout: time.Hour, IdleTimeout: time.Second}, 10 * time.Second, 2 * time.Minute, time.Hour, time.Second},
		"short":    {sinew.Config{ReadTimeout: time.Second}, time.Second, time.Second, 2 * time.Minute, 2 * time.Minute},
		"negative": {sinew.Config{ReadTimeout: -1, WriteTimeout: -1, IdleTimeout: -1}, 10 * time.Second, 0, 0, -1},
	} {
		s := serverOf(t, tt.c)
		if s.ReadHeaderTimeout != tt.header || s.ReadTimeout != tt.read || s.WriteTimeout != tt.write || s.IdleTimeout != tt.idle {
			t.Errorf("%s: header %s, read %s, write %s, idle %s", name, s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
		}
	}
}

func TestAnIdleConnectionMakesRoomForAnotherCaller(t *testing.T) {
	svc := servicetest.Start(t, sinew.New("inventory", servicetest.Local(sinew.Config{MaxConnections: 1})))
	for range 5 {
		caller := &http.Client{Transport: &http.Transport{}} // reuses its connection
		defer caller.CloseIdleConnections()
		answer, err := caller.Get(svc.URL() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

func TestTheZeroConfigLeavesDescriptorsForOthers(t *testing.T) {
	if s := serverOf(t, sinew.Config{}); s.ConnState == nil {
		t.Error("no bound for connections")
	}
	if s := serverOf(t, sinew.Config{MaxConnections: -1}); s.ConnState != nil {
		t.Error("a bound where none was asked for")
	}
}

func TestEveryLimitOfTheHTTPServerIsSet(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	got := make(chan *http.Server, 1)
	servicetest.Read.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		server, _ := ctx.Value(http.ServerContextKey).(*http.Server)
		got <- server
		return endpoint.None{}, nil
	})
	servicetest.Start(t, svc)
	if status, _, body := servicetest.Get(t, svc.URL()+"/look"); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	s := <-got
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout < s.ReadHeaderTimeout || s.WriteTimeout < s.ReadTimeout || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("read header %s, read %s, write %s, idle %s, %d bytes of header",
			s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
	if s.ErrorLog == nil {
		t.Error("what the server complains of goes to the standard logger")
	}
}

func TestAHeaderAboveTheLimitIsRefusedAndOneBelowIsNot(t *testing.T) {
	admin := servicetest.FreeAddr(t)
	svc := servicetest.StartInventory(t, sinew.Config{Admin: admin})
	defer http.DefaultClient.CloseIdleConnections()
	for _, url := range []string{svc.URL(), "http://" + admin} {
		for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/healthz", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Large", strings.Repeat("x", size))
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s with a header of %d bytes: %d, want %d", url, size, answer.StatusCode, want)
			}
		}
	}
}
