package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// answer is a middleware that never calls the endpoint.
func answer(response any, err error) endpoint.Middleware {
	return func(kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(context.Context, any) (any, error) { return response, err }
	}
}

type failing struct{ err error }

func (f *failing) Failed() error { return f.err }

func TestNilResponseOfAMiddlewareGivesTheZeroResponseAndItsError(t *testing.T) {
	refused := errors.New("refused")
	number := endpoint.New(endpoint.Identity[int]).With(answer(nil, refused))
	if n, err := number(t.Context(), 7); n != 0 || !errors.Is(err, refused) {
		t.Fatalf("got %d, %v", n, err)
	}
	pointer := endpoint.New(endpoint.Identity[*Greeting]).With(answer(nil, nil))
	if g, err := pointer(t.Context(), &Greeting{}); g != nil || err != nil {
		t.Fatalf("got %v, %v", g, err)
	}
}

func TestResponseOfAnotherTypeIsInternalNamingBothTypes(t *testing.T) {
	ep := endpoint.New(endpoint.Identity[int]).With(answer("seven", nil))
	n, err := ep(t.Context(), 7)
	if n != 0 || !errors.Is(err, fault.Internal) || !strings.Contains(err.Error(), "string") || !strings.Contains(err.Error(), "int") {
		t.Fatalf("got %d, %v", n, err)
	}
}

func TestAnErrorWithAResponseOfAnotherTypeIsReturned(t *testing.T) {
	refused := errors.New("refused")
	ep := endpoint.New(endpoint.Identity[int]).With(answer("seven", refused))
	if _, err := ep(t.Context(), 7); !errors.Is(err, refused) || errors.Is(err, fault.Internal) {
		t.Fatalf("got %v", err)
	}
}

func TestRequestOfAnotherTypeIsInternalNamingBothTypes(t *testing.T) {
	_, err := endpoint.New(endpoint.Identity[int]).Kit()(t.Context(), "seven")
	if !errors.Is(err, fault.Internal) || !strings.Contains(err.Error(), "string") || !strings.Contains(err.Error(), "int") {
		t.Fatalf("got %v", err)
	}
}

func TestFailerCountsAsItsError(t *testing.T) {
	refused := errors.New("refused")
	fails := func(context.Context, int) (*failing, error) { return &failing{refused}, nil }
	seen := error(nil)
	watch := func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			seen = err
			return response, err
		}
	}
	resp, err := endpoint.New(fails).With(watch)(t.Context(), 1)
	if !errors.Is(err, refused) || !errors.Is(seen, refused) || resp == nil {
		t.Fatalf("caller got %v, %v; middleware saw %v", resp, err, seen)
	}
	foreign := endpoint.FromKit[int, int](func(context.Context, any) (any, error) { return &failing{refused}, nil })
	if _, err := foreign(t.Context(), 1); !errors.Is(err, refused) {
		t.Fatalf("a foreign Failer gave %v", err)
	}
	fine := func(context.Context, int) (*failing, error) { return &failing{}, nil }
	if _, err := endpoint.New(fine).With(watch)(t.Context(), 1); err != nil {
		t.Fatalf("a Failer without a failure gave %v", err)
	}
}

func TestNilArgumentsPanicWhereTheyAreGiven(t *testing.T) {
	ep := endpoint.New(endpoint.Identity[*failing])
	for want, give := range map[string]func(){
		"endpoint.New":                      func() { endpoint.New[int, int](nil) },
		"endpoint.With":                     func() { endpoint.Endpoint[int, int](nil).With() },
		"endpoint.FromKit":                  func() { endpoint.FromKit[int, int](nil) },
		"endpoint.Chain: middleware 2 of 2": func() { ep.With(endpoint.Validate(), nil) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
					t.Errorf("panicked with %q, want %q", p, want)
				}
			}()
			give()
		}()
	}
}
