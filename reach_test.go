package sinew_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
)

func TestStaticNamesUseTheirAddressesAndOthersTheRegistry(t *testing.T) {
	reg := registry.NewMemory()
	for _, name := range []string{"inventory", "order"} {
		if err := reg.Register(t.Context(), registry.Instance{ID: name + "-1", Name: name, Endpoint: "http://10.0.0.9:80"}); err != nil {
			t.Fatal(err)
		}
	}
	fixed := httptest.NewServer(http.NotFoundHandler())
	defer fixed.Close()
	shop := servicetest.New(t, sinew.Config{Registry: reg, Static: map[string][]string{"inventory": {fixed.URL}}})
	for name, want := range map[string]string{"inventory": fixed.URL, "order": "http://10.0.0.9:80"} {
		for range 10 {
			err := shop.Client(name).Call(t.Context(), call.Operation{Name: "op"}, func(_ context.Context, addr string) error {
				if addr != want {
					t.Errorf("%s is called at %s, want %s", name, addr, want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		if err := shop.Client(name).Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"inventory", "order"} {
		if err := reg.Deregister(t.Context(), name+"-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := shop.Client("inventory").Ready(t.Context()); err != nil {
		t.Errorf("a fixed address has gone with a registration: %v", err)
	}
	if err := shop.Client("nobody").Ready(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("nobody is ready: %v", err)
	}
}
