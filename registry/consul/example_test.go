package consul_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/consul"
)

// The agent need not be reachable when the registry is created. A Register while it is
// away fails and must be repeated; after that the registration is renewed automatically.
func Example() {
	reg, err := consul.New(consul.Config{Address: "127.0.0.1:1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	err = reg.Register(context.Background(), registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:8080"})
	fmt.Println(errors.Is(err, fault.Unavailable))
	// Output:
	// true
}
