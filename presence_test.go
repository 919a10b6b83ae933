package sinew_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/registry"
)

func TestServiceLeavesTheRegistryWhileItIsNotReady(t *testing.T) {
	reg := registry.NewMemory()
	var broken atomic.Bool
	svc := sinew.New("inventory", local(sinew.Config{Registry: reg}))
	svc.Ready("database", func(context.Context) error {
		if broken.Load() {
			return errors.New("away")
		}
		return nil
	})
	start(t, svc)
	seen := func(n int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for instances := range reg.Watch(ctx, "inventory") {
			if len(instances) == n {
				return
			}
		}
		t.Fatalf("never %d instances", n)
	}
	seen(1)
	broken.Store(true)
	seen(0)
	if status, _, body := get(t, svc.URL()+"/readyz"); status != 503 || !strings.Contains(body, "database") || strings.Contains(body, "away") {
		t.Errorf("%d %s", status, body)
	}
	broken.Store(false)
	seen(1)
}
