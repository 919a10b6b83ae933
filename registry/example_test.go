package registry_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/registry"
)

func Example() {
	ctx := context.Background()
	reg := registry.NewMemory()
	err := reg.Register(ctx, registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:8080"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for instances, err := range reg.Watch(ctx, "orders") {
		if err != nil {
			fmt.Println("the watch goes on by itself after", err)
			continue
		}
		for _, i := range instances {
			fmt.Println(i.ID, i.Endpoint, i.Status)
		}
		break
	}
	// Output:
	// orders-1 http://10.0.0.1:8080 healthy
}

// A resolver has the healthy instances of a service at hand.
func ExampleResolver() {
	ctx := context.Background()
	addresses := registry.NewStatic(map[string][]string{"orders": {"http://10.0.0.1:8080", "http://10.0.0.2:8080"}})
	resolver := registry.NewResolver(addresses, registry.ResolverPolicy{})
	defer resolver.Close()

	if err := resolver.WaitReady(ctx, "orders"); err != nil {
		fmt.Println(err)
		return
	}
	stop := resolver.Subscribe("orders", func(instances []registry.Instance) {
		fmt.Println(len(instances), "instances")
	})
	defer stop()
	fmt.Println("stale:", resolver.Snapshot("orders").Stale)
	// Output:
	// 2 instances
	// stale: false
}
