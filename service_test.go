package sinew_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
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
