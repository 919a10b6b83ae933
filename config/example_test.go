package config_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// Orders is the settings of a service: a struct with json tags. Policies of the other
// packages can be parts of it.
type Orders struct {
	Addr    string         `json:"addr"`
	Timeout time.Duration  `json:"timeout"`
	Breaker breaker.Policy `json:"breaker"`
}

// Later layers override earlier ones, key by key.
func ExampleLoad() {
	path := filepath.Join(os.TempDir(), "example-orders.yaml")
	_ = os.WriteFile(path, []byte("addr: :9090\nbreaker: {timeout: 5s}\n"), 0o600)
	defer os.Remove(path)
	flags := flag.NewFlagSet("orders", flag.ExitOnError)
	flags.String("addr", "", "where to listen")
	_ = flags.Parse([]string{"-addr", ":7070"})

	settings, err := config.Load(Orders{Addr: ":8080", Timeout: time.Second},
		config.File(path),
		config.Env("ORDERS"),
		config.Flags(flags),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer settings.Close()

	now := settings.Get()
	fmt.Println(now.Addr, now.Timeout, now.Breaker.Timeout)
	// Output: :7070 1s 5s
}

// A change reaches the watchers, and a circuit applies it in place.
func ExampleValue_Watch() {
	ctx := context.Background()
	store := config.NewMemory(config.MemoryPolicy{})
	settings, err := config.Load(Orders{}, config.FromStore(store, "orders", "prod"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer settings.Close()

	circuit := breaker.New("payment", settings.Get().Breaker)
	changed := make(chan error)
	stop := settings.Watch(func(_, now *Orders) { changed <- circuit.Set(now.Breaker) })
	defer stop()

	_, _ = store.Set(ctx, config.Configuration{
		Service: "orders", Environment: "prod", Key: "breaker.timeout", Value: "5s",
	})
	fmt.Println(<-changed, settings.Get().Breaker.Timeout)
	// Output: <nil> 5s
}

// A change that is refused has no effect, and the error says where it is.
func ExampleValue_Err() {
	path := filepath.Join(os.TempDir(), "example-refused.yaml")
	_ = os.WriteFile(path, []byte("timeout: 2s\n"), 0o600)
	defer os.Remove(path)
	settings, _ := config.Load(Orders{}, config.File(path))
	defer settings.Close()

	_ = os.WriteFile(path, []byte("timeout: 30\ntimout: 3s\n"), 0o600)
	_ = settings.Reload(context.Background())
	_, text, _ := strings.Cut(settings.Err().Error(), "refused.yaml: ")
	fmt.Println(text)
	fmt.Println(settings.Get().Timeout)
	// Output:
	// key "timeout": a duration such as "1s" is needed, not this number; key "timout": no setting has this name; here are addr, breaker, timeout
	// 2s
}

// A write names the version that it replaces. If another write came first, it fails.
func ExampleMemory_Set() {
	ctx := context.Background()
	store := config.NewMemory(config.MemoryPolicy{})
	first, _ := store.Set(ctx, config.Configuration{Service: "orders", Key: "addr", Value: ":8080"})

	mine, yours := first, first
	mine.Value, yours.Value = ":9090", ":7070"
	stored, _ := store.Set(ctx, mine)
	_, err := store.Set(ctx, yours)
	fmt.Println(stored)
	fmt.Println(errors.Is(err, fault.Aborted), err)
	// Output:
	// orders addr=:9090 (version 2)
	// true aborted: configuration addr of orders is at version 2, not 1: read it again (version_conflict)
}

// Only Reveal shows the text of a secret.
func ExampleSecret() {
	ctx := context.Background()
	store := config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
	_, _ = store.Set(ctx, config.Configuration{
		Service: "orders", Key: "db.password", Value: "correct horse", Encrypted: true,
	})
	stored, _ := store.Get(ctx, "orders", "", "db.password")
	fmt.Println(stored)
	fmt.Println(stored.Value.(config.Secret).Reveal())
	// Output:
	// orders db.password=[redacted] (version 1)
	// correct horse
}
