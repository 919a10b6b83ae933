package sinew_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
)

// advertised is an address that a service may advertise, whatever its registry.
const advertised = "inventory.internal:80"

// registrar is a registry with its own Register, and a Deregister whose answer is lost.
type registrar struct {
	*registry.Memory
	register func(ctx context.Context, i registry.Instance) error
}

func (r registrar) Deregister(ctx context.Context, id string) error {
	return errors.Join(r.Memory.Deregister(ctx, id), fault.Unavailable.Errorf("no answer"))
}

func (r registrar) Register(ctx context.Context, i registry.Instance) error {
	return r.register(ctx, i)
}

// awayWhile is a readiness check that fails while broken is set.
func awayWhile(broken *atomic.Bool) func(context.Context) error {
	return func(context.Context) error {
		if broken.Load() {
			return errors.New("away")
		}
		return nil
	}
}

func TestServiceIsNotRegisteredWhileItIsNotReady(t *testing.T) {
	reg := registry.NewMemory()
	var broken atomic.Bool
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg}))
	svc.AddReadinessCheck("database", awayWhile(&broken))
	servicetest.Start(t, svc)
	servicetest.WaitForInstances(t, reg, 1)
	broken.Store(true)
	servicetest.WaitForInstances(t, reg, 0)
	if status, _, body := servicetest.Get(t, svc.URL()+"/readyz"); status != 503 || !strings.Contains(body, "database") || strings.Contains(body, "away") {
		t.Errorf("%d %s", status, body)
	}
	broken.Store(false)
	servicetest.WaitForInstances(t, reg, 1)
}

func TestAServiceStoppedWhileItRegistersIsDeregistered(t *testing.T) {
	memory := registry.NewMemory()
	written := make(chan struct{})
	reg := registrar{memory, func(ctx context.Context, i registry.Instance) error {
		_ = memory.Register(ctx, i)
		close(written)
		<-ctx.Done() // the answer is too late
		return ctx.Err()
	}}
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg, Advertise: advertised}))
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	<-written
	terminate()
	if err := <-ended; !errors.Is(err, fault.Unavailable) {
		t.Errorf("the registry's last word is kept from the caller: %v", err)
	}
	if left, err := memory.Services(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("still registered: %v %v", left, err)
	}
}

func TestServiceRegistersAgainAfterADeregistrationWithALostAnswer(t *testing.T) {
	memory := registry.NewMemory()
	var broken atomic.Bool
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: registrar{memory, memory.Register}, Advertise: advertised}))
	svc.AddReadinessCheck("database", awayWhile(&broken))
	servicetest.Start(t, svc)
	servicetest.WaitForInstances(t, memory, 1)
	broken.Store(true)
	servicetest.WaitForInstances(t, memory, 0)
	broken.Store(false)
	servicetest.WaitForInstances(t, memory, 1)
}

func TestARegistrationWithALostAnswerIsUndoneWhenTheServiceIsNotReady(t *testing.T) {
	memory := registry.NewMemory()
	var broken atomic.Bool
	reg := registrar{memory, func(ctx context.Context, i registry.Instance) error {
		return errors.Join(memory.Register(ctx, i), fault.Unavailable.Errorf("no answer"))
	}}
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg, Advertise: advertised}))
	svc.AddReadinessCheck("database", awayWhile(&broken))
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	servicetest.WaitForInstances(t, memory, 1)
	broken.Store(true)
	servicetest.WaitForInstances(t, memory, 0)
	terminate()
	<-ended
}

func TestStartFailsWhenTheRegistryRefusesTheInstance(t *testing.T) {
	memory := registry.NewMemory()
	reg := registrar{memory, func(context.Context, registry.Instance) error {
		return fault.InvalidArgument.Errorf("metadata: the key %q is too long", "zone")
	}}
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg, Advertise: advertised}))
	defer svc.Shutdown(t.Context())
	if err := svc.Start(t.Context()); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "inventory") || !strings.Contains(err.Error(), "zone") {
		t.Error(err)
	}
}

func TestStartThatRunsOutOfTimeSaysWhatItWaitedFor(t *testing.T) {
	reg := registrar{registry.NewMemory(), func(context.Context, registry.Instance) error {
		return fault.Unavailable.Errorf("the agent is away")
	}}
	for want, c := range map[string]sinew.Config{"database": {}, "the agent is away": {Registry: reg, Advertise: advertised}} {
		svc := sinew.New("inventory", servicetest.Local(c))
		looks, twice := 0, make(chan struct{})
		svc.AddReadinessCheck("database", func(context.Context) error {
			if looks++; looks == 2 { // what came of the first is known
				close(twice)
			}
			if c.Registry == nil {
				return errors.New("away")
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		started := make(chan error, 1)
		go func() { started <- svc.Start(ctx) }()
		<-twice
		cancel()
		if err := <-started; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "inventory") {
			t.Error(err)
		}
		_ = svc.Shutdown(t.Context())
	}
}
