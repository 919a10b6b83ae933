package configtest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/config/configtest"
)

func TestFileKeepsTheRulesOfLayers(t *testing.T) {
	configtest.RunLayer(t, configtest.LayerFeatures{}, func(t *testing.T) (config.Layer, func()) {
		path, port := filepath.Join(t.TempDir(), "a.yaml"), 0
		write := func() {
			port++
			if err := os.WriteFile(path, fmt.Appendf(nil, "port: %d\n", port), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write()
		return config.File(path), write
	})
}

func TestFromStoreKeepsTheRulesOfLayers(t *testing.T) {
	for _, c := range []struct {
		name  string
		store func(*config.Memory) config.Store
	}{
		{
			name:  "a store that is watched",
			store: func(m *config.Memory) config.Store { return m },
		},
		{
			name:  "a store that is listed",
			store: func(m *config.Memory) config.Store { return struct{ config.Store }{m} },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := configtest.LayerFeatures{MaxDelay: 20 * time.Second}
			configtest.RunLayer(t, f, func(t *testing.T) (config.Layer, func()) {
				store := config.NewMemory(config.MemoryPolicy{})
				setting := config.Configuration{Service: "orders", Environment: "prod", Key: "port", Value: 0}
				write := func() {
					stored, err := store.Set(context.Background(), setting)
					if err != nil {
						t.Fatal(err)
					}
					setting.Value, setting.Version = stored.Version, stored.Version
				}
				write()
				return config.FromStore(c.store(store), "orders", "prod"), write
			})
		})
	}
}

func TestEnvKeepsTheRulesOfLayers(t *testing.T) {
	t.Setenv("LAYERTEST_PORT", "1")
	configtest.RunLayer(t, configtest.LayerFeatures{NoWatch: true}, func(*testing.T) (config.Layer, func()) {
		return config.Env("LAYERTEST"), nil
	})
}

func TestFlagsKeepTheRulesOfLayers(t *testing.T) {
	configtest.RunLayer(t, configtest.LayerFeatures{NoWatch: true}, func(t *testing.T) (config.Layer, func()) {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		set.Int("port", 0, "")
		if err := set.Parse([]string{"-port=1"}); err != nil {
			t.Fatal(err)
		}
		return config.Flags(set), nil
	})
}

// counter is a layer of one's own that does not notice changes.
type counter struct{ n atomic.Int32 }

func (c *counter) Read(context.Context) ([]config.Entry, error) {
	return []config.Entry{{Origin: "the counter", Path: "port", Value: int(c.n.Load())}}, nil
}

func (*counter) Watch(context.Context, func(error)) {}

func TestALayerThatIsPolledKeepsTheRules(t *testing.T) {
	configtest.RunLayer(t, configtest.LayerFeatures{}, func(*testing.T) (config.Layer, func()) {
		c := &counter{}
		return config.Every(time.Second, c), func() { c.n.Add(1) }
	})
}

// A test of your own layer calls the suite with a layer, and with what changes its source.
func ExampleRunLayer() {
	testLayer := func(t *testing.T) {
		configtest.RunLayer(t, configtest.LayerFeatures{}, func(*testing.T) (config.Layer, func()) {
			c := &counter{}
			return config.Every(time.Second, c), func() { c.n.Add(1) }
		})
	}
	_ = []testing.InternalTest{{Name: "TestLayer", F: testLayer}}
	// Output:
}
