package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

// failingTier is the last tier, which always fails. It counts the attempts.
func failingTier(t *testing.T, attempts *atomic.Int64) *sinew.Service {
	svc := sinew.New("stock", servicetest.Local(sinew.Config{Trust: rest.SameMachine}))
	servicetest.Read.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) {
		attempts.Add(1)
		return endpoint.None{}, fault.Unavailable.Errorf("the database is away")
	})
	return servicetest.Start(t, svc)
}

// middleTier is the tier before the last; handle makes its answer from that of the last.
func middleTier(t *testing.T, last string, handle func(ctx context.Context, ask func(context.Context) error) error) *sinew.Service {
	svc := sinew.New("order", servicetest.Local(sinew.Config{Trust: rest.SameMachine, Static: map[string][]string{"stock": {last}}}))
	ask := servicetest.Read.Endpoint(svc.Client("stock"))
	servicetest.Read.Handle(svc, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, handle(ctx, func(ctx context.Context) error {
			_, err := ask(ctx, endpoint.None{})
			return err
		})
	})
	return servicetest.Start(t, svc)
}

func TestTiersDoNotMultiplyTheirAttempts(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle func(ctx context.Context, ask func(context.Context) error) error
	}{
		{name: "passes the error on", handle: func(ctx context.Context, ask func(context.Context) error) error { return ask(ctx) }},
		{name: "wraps it", handle: func(ctx context.Context, ask func(context.Context) error) error {
			return fmt.Errorf("stock: %w", ask(ctx))
		}},
		{name: "makes one of its own of it", handle: func(ctx context.Context, ask func(context.Context) error) error {
			return fault.Unavailable.Errorf("stock: %w", ask(ctx))
		}},
	} {
		var attempts, entered atomic.Int64
		order := middleTier(t, failingTier(t, &attempts).URL(), func(ctx context.Context, ask func(context.Context) error) error {
			entered.Add(1)
			return c.handle(ctx, ask)
		})
		shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"order": {order.URL()}}})
		_, err := servicetest.Read.Endpoint(shop.Client("order"))(t.Context(), endpoint.None{})
		if !errors.Is(err, fault.Unavailable) || attempts.Load() != 3 || entered.Load() != 1 {
			t.Errorf("a tier that %s: %d attempts at the one before it, %d at the last: %v", c.name, entered.Load(), attempts.Load(), err)
		}
		if !fault.IsRepeated(err) {
			t.Errorf("a tier that %s does not say that it has repeated: %#v", c.name, err)
		}
	}
}

func TestARepeatIsNotRepeatedByTheNextTier(t *testing.T) {
	var attempts, entered atomic.Int64
	order := middleTier(t, failingTier(t, &attempts).URL(), func(ctx context.Context, ask func(context.Context) error) error {
		if entered.Add(1) == 1 {
			return fault.Unavailable.Errorf("not yet")
		}
		return ask(ctx)
	})
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"order": {order.URL()}}})
	_, err := servicetest.Read.Endpoint(shop.Client("order"))(t.Context(), endpoint.None{})
	if !errors.Is(err, fault.Unavailable) || entered.Load() != 3 || attempts.Load() != 2 {
		t.Errorf("%d attempts at the tier between, %d at the last: %v", entered.Load(), attempts.Load(), err)
	}
}

func TestAnUntrustedAttemptMarkDoesNotPreventRepeats(t *testing.T) {
	var attempts atomic.Int64
	order := middleTier(t, failingTier(t, &attempts).URL(), func(ctx context.Context, ask func(context.Context) error) error { return ask(ctx) })
	for _, c := range []struct {
		from string
		want int64
	}{
		{from: "192.0.2.77:5", want: 3},
		{from: "127.0.0.1:5", want: 1},
	} {
		attempts.Store(0)
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/look", nil)
		r.RemoteAddr = c.from
		r.Header.Set("X-Request-Attempt", "2")
		w := httptest.NewRecorder()
		order.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || attempts.Load() != c.want {
			t.Errorf("from %s: %d after %d attempts, want %d", c.from, w.Code, attempts.Load(), c.want)
		}
	}
}
