package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

type Greeting struct{ Name string }

func (g *Greeting) Validate() error {
	if g.Name == "" {
		return errors.New("name is missing")
	}
	return nil
}

func greet(_ context.Context, g *Greeting) (string, error) { return "hello " + g.Name, nil }

func Example() {
	ep := endpoint.New(greet).With(
		endpoint.Timeout(time.Second),
		endpoint.Validate(),
	)
	fmt.Println(ep(context.Background(), &Greeting{Name: "ann"}))

	_, err := ep(context.Background(), &Greeting{})
	fmt.Println(errors.Is(err, fault.InvalidArgument), err)
	// Output:
	// hello ann <nil>
	// true invalid_argument: name is missing
}

func say(word string) endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			fmt.Println(word, "before")
			defer fmt.Println(word, "after")
			return next(ctx, request)
		}
	}
}

func ExampleEndpoint_With() {
	ep := endpoint.New(greet).With(say("first"), say("second"))
	_, _ = ep(context.Background(), &Greeting{Name: "ann"})
	// Output:
	// first before
	// second before
	// second after
	// first after
}

func ExampleThen() {
	double := func(_ context.Context, n int) (int, error) { return 2 * n, nil }
	text := func(_ context.Context, n int) (string, error) { return fmt.Sprintf("<%d>", n), nil }
	fmt.Println(endpoint.Then(double, text)(context.Background(), 21))
	// Output: <42> <nil>
}

func ExampleFallback() {
	fail := func(context.Context, *Greeting) (string, error) {
		return "", fault.Unavailable.Errorf("greeter is down")
	}
	ep := endpoint.New(fail).With(endpoint.Fallback(
		func(_ context.Context, g *Greeting, err error) (string, error) { return "dear " + g.Name, nil },
	))
	fmt.Println(ep(context.Background(), &Greeting{Name: "ann"}))
	// Output: dear ann <nil>
}
