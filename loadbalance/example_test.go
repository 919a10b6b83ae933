package loadbalance_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

func Example() {
	ctx := context.Background()
	pool := loadbalance.New("inventory", loadbalance.Policy{Algorithm: loadbalance.RoundRobin})
	_, err := pool.Pick(ctx, loadbalance.Request{})
	fmt.Println(err)

	pool.Update([]registry.Instance{
		{ID: "a", Endpoint: "http://10.0.0.1:8080"},
		{ID: "b", Endpoint: "http://10.0.0.2:8080"},
	})
	for range 3 {
		picked, err := pool.Pick(ctx, loadbalance.Request{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(picked.Instance.Endpoint)
		picked.Done(ctx, nil)
	}
	// Output:
	// unavailable: service inventory has no instance to call: the registry has not told of any yet (no_instance)
	// http://10.0.0.1:8080
	// http://10.0.0.2:8080
	// http://10.0.0.1:8080
}

// Each attempt goes to an instance that the call has not tried yet.
func ExamplePool_Middleware() {
	pool := loadbalance.New("inventory", loadbalance.Policy{})
	pool.Update([]registry.Instance{
		{ID: "a", Endpoint: "http://10.0.0.1:8080"},
		{ID: "b", Endpoint: "http://10.0.0.2:8080"},
	})
	reserve := endpoint.New(func(ctx context.Context, sku string) (string, error) {
		return "", fault.Unavailable.Errorf("restarting")
	}).With(pool.Middleware())

	ctx, call := endpoint.WithCall(context.Background(), endpoint.Call{})
	for range 2 {
		_, err := reserve(ctx, "A-1")
		fmt.Println(errors.Is(err, fault.Unavailable))
	}
	fmt.Println(len(call.Tried), call.Tried[0] != call.Tried[1])
	// Output:
	// true
	// true
	// 2 true
}
