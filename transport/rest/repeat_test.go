package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/transport/rest"
)

// order has no key, and so is repeated only if no handler ran.
var order = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /orders/{product_id}"}

func TestAHandlerThatRanIsNeverUnprocessed(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	down := fault.Unavailable.Errorf("payment is down: %w", refused).
		WithReason("payment").WithDetail("n", "x").WithRetryAfter(time.Second).WithUnprocessed().WithRepeated()
	for _, c := range []struct {
		name   string
		failed error
	}{
		{name: "fault", failed: down},
		{name: "wrapped", failed: fmt.Errorf("charge: %w", down)},
		{name: "joined", failed: errors.Join(down, context.Canceled)},
		{name: "raw", failed: refused},
		{name: "raw, wrapped", failed: fmt.Errorf("charge: %w", refused)},
	} {
		var seen error
		watch := func(next endpoint.Func) endpoint.Func {
			return func(ctx context.Context, request any) (any, error) {
				response, err := next(ctx, request)
				seen = err
				return response, err
			}
		}
		mux := http.NewServeMux()
		order.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return nil, c.failed }, watch)
		caller, _ := serve(t, mux)
		_, err := order.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
		if fault.IsUnprocessed(err) || fault.IsUnprocessed(seen) || !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: middlewares saw %v, unprocessed %v; the caller %v, unprocessed %v", c.name, seen, fault.IsUnprocessed(seen), err, fault.IsUnprocessed(err))
		}
		if !errors.Is(seen, c.failed) || !errors.Is(seen, syscall.ECONNREFUSED) || seen.Error() != c.failed.Error() || fault.CodeOf(seen) != fault.Unavailable {
			t.Errorf("%s: %v became %v", c.name, c.failed, seen)
		}
		got, want := fault.ProblemOf(seen), fault.ProblemOf(c.failed)
		if want.Unprocessed = false; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v became %+v", c.name, want, got)
		}
	}
	if !down.Unprocessed {
		t.Error("the handler's own error was written to")
	}
}

func TestAMiddlewareOfTheServerMayRefuseUnprocessed(t *testing.T) {
	full := func(endpoint.Func) endpoint.Func {
		return func(context.Context, any) (any, error) {
			return nil, fault.Unavailable.Errorf("full").WithUnprocessed()
		}
	}
	mux := http.NewServeMux()
	order.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return nil, nil }, full)
	caller, _ := serve(t, mux)
	if _, err := order.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1}); !fault.IsUnprocessed(err) {
		t.Errorf("%v", err)
	}
}

// failing is a response that counts as an error, like go-kit's.
type failing struct{ err error }

func (f *failing) Failed() error { return f.err }

func TestAResponseThatFailedIsTheErrorOfAHandlerThatRan(t *testing.T) {
	down := &failing{fault.Unavailable.Errorf("payment is down").WithUnprocessed()}
	mux := http.NewServeMux()
	rest.Route[endpoint.None, *failing]{Pattern: "POST /typed"}.Handle(mux, func(context.Context, endpoint.None) (*failing, error) { return down, nil })
	rest.Route[endpoint.None, any]{Pattern: "POST /any"}.Handle(mux, func(context.Context, endpoint.None) (any, error) { return down, nil })
	for _, path := range []string{"/typed", "/any"} {
		if p := problemOf(t, ask(mux, "POST", path, "", "")); p.Code != "unavailable" || p.Unprocessed {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

func TestWhatAHandlerCallsHasRecordsOfItsOwn(t *testing.T) {
	var asked int
	inner := endpoint.New(func(context.Context, *Stock) (*Stock, error) {
		asked++
		return nil, fault.Unavailable.Errorf("down")
	}).With(retry.Policy{Backoff: time.Millisecond}.Middleware())
	mux := http.NewServeMux()
	order.Handle(mux, func(ctx context.Context, _ *ReserveRequest) (*Stock, error) {
		_, err := inner(ctx, &Stock{})
		if r := call.Of(ctx); !r.Inbound || r.Attempt != 0 {
			t.Errorf("the handler's own record is %+v", *r)
		}
		return nil, err
	})
	caller, _ := serve(t, mux)
	_, _ = order.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	if asked != 3 {
		t.Errorf("a call inside of a handler that must not be repeated made %d attempts, not 3", asked)
	}
}

func TestRouteWithoutAnEndpointIsRefusedAtStart(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "POST /orders/{product_id}") || !strings.Contains(p, "nil") {
			t.Errorf("panicked with %s", p)
		}
	}()
	order.Handle(http.NewServeMux(), nil)
}
