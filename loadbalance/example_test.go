package loadbalance_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

func Example() {
	ctx := context.Background()
	pool := loadbalance.New("inventory", loadbalance.Policy{
		Algorithm: loadbalance.RoundRobin,
		Seed:      1, // without a seed each pool starts its round at a random instance
	})
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
	asked := map[string]int{}
	reserve := endpoint.New(func(ctx context.Context, sku string) (string, error) {
		asked[call.Of(ctx).Addr]++
		return "", fault.Unavailable.Errorf("restarting")
	}).With(retry.Policy{Attempts: 2}.Middleware(), pool.Middleware())

	_, err := reserve(context.Background(), "A-1")
	fmt.Println(err)
	fmt.Println(asked)
	// Output:
	// unavailable: restarting
	// map[http://10.0.0.1:8080:1 http://10.0.0.2:8080:1]
}
