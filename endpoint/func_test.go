package endpoint_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// counted is a middleware with a parameter: it counts the calls that failed.
func counted(failures *int) endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			if err != nil {
				*failures++
			}
			return response, err
		}
	}
}

// polite is a middleware without a parameter. It refuses before the endpoint is called.
func polite(next endpoint.Func) endpoint.Func {
	return func(ctx context.Context, request any) (any, error) {
		if g, ok := request.(*Greeting); ok && g.Name == "you there" {
			return nil, fault.InvalidArgument.Errorf("%q is no name", g.Name)
		}
		return next(ctx, request)
	}
}

// A middleware is a function around a Func. It needs this package alone.
func ExampleMiddleware() {
	failures := 0
	ep := endpoint.New(greet).With(counted(&failures), polite)
	for _, name := range []string{"ann", "you there"} {
		greeting, err := ep(context.Background(), &Greeting{Name: name})
		fmt.Println(greeting, errors.Is(err, fault.InvalidArgument))
	}
	fmt.Println(failures, "failed")
	// Output:
	// hello ann false
	//  true
	// 1 failed
}

// A Func works with endpoints of any type.
func ExampleFunc() {
	twice := func(f endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			if _, err := f(ctx, request); err != nil {
				return nil, err
			}
			return f(ctx, request)
		}
	}
	fmt.Println(twice(endpoint.New(greet).Kit())(context.Background(), &Greeting{Name: "ann"}))
	// Output: hello ann <nil>
}
