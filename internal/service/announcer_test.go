package service_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
	"github.com/sinew-go/sinew/registry"
)

var instance = registry.Instance{ID: "inventory-1", Name: "inventory", Endpoint: "http://10.0.0.1:80", Status: registry.Healthy}

// registrar is a registry whose writes may fail. The zero errors let them pass.
type registrar struct {
	*registry.Memory
	registerErr, deregisterErr func() error // the write has happened all the same
}

func (r registrar) Register(ctx context.Context, i registry.Instance) error {
	err := r.Memory.Register(ctx, i)
	if r.registerErr != nil {
		err = errors.Join(err, r.registerErr())
	}
	return err
}

func (r registrar) Deregister(ctx context.Context, id string) error {
	err := r.Memory.Deregister(ctx, id)
	if r.deregisterErr != nil {
		err = errors.Join(err, r.deregisterErr())
	}
	return err
}

// announcing is an announcer at work, and the readiness that it polls.
type announcing struct {
	*service.Announcer
	state    *service.RunState
	registry registrar
	broken   atomic.Bool // the service is not ready
}

func announce(t *testing.T, r registrar) *announcing {
	t.Helper()
	a := &announcing{state: started(t), registry: r}
	a.Announcer = service.NewAnnouncer(a.state, service.Announcement{
		Registry: r, Log: noLog,
		Ready: func(context.Context) error {
			if a.broken.Load() {
				return errors.New("the database is away")
			}
			return nil
		},
	})
	return a
}

// wantRegistered lets the announcer poll several times, and compares what is registered.
func (a *announcing) wantRegistered(t *testing.T, when string, want int) {
	t.Helper()
	bubble.Sleep(3 * time.Second)
	synctest.Wait()
	all, err := a.registry.Services(t.Context())
	if err != nil || len(all) != want {
		t.Errorf("%s: got %v, %v, want %d instances", when, all, err, want)
	}
}

func (a *announcing) stop(t *testing.T) error {
	t.Helper()
	a.state.Stop()
	announced, err := a.Stop(t.Context())
	if !announced {
		t.Error("it says that it has announced nothing")
	}
	return err
}

func TestAnInstanceIsRegisteredExactlyWhileItIsReady(t *testing.T) {
	for _, tt := range []struct {
		name    string
		r       registrar
		stopErr error
	}{
		{"the registry answers", registrar{}, nil},
		{"answers to a deregistration are lost", registrar{deregisterErr: lost}, fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.r.Memory = registry.NewMemory()
				a := announce(t, tt.r)
				if err := a.Start(instance); err != nil {
					t.Fatal(err)
				}
				a.wantRegistered(t, "ready", 1)
				a.broken.Store(true)
				a.wantRegistered(t, "not ready", 0)
				a.broken.Store(false)
				a.wantRegistered(t, "ready again", 1)
				if err := a.stop(t); !errors.Is(err, tt.stopErr) {
					t.Errorf("stop: got %v, want %v", err, tt.stopErr)
				}
				a.wantRegistered(t, "stopped", 0)
			})
		})
	}
}

func lost() error { return fault.Unavailable.Errorf("no answer") }

func TestARegistrationWhoseAnswerIsLostIsUndone(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop bool // the service stops, else it is not ready any more
	}{
		{"when the service is not ready", false},
		{"when the service stops", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := announce(t, registrar{Memory: registry.NewMemory(), registerErr: lost})
				if err := a.Start(instance); err != nil {
					t.Fatal(err)
				}
				a.wantRegistered(t, "at first", 1)
				if tt.stop {
					_ = a.stop(t)
				} else {
					a.broken.Store(true)
				}
				a.wantRegistered(t, tt.name, 0)
				a.state.Stop()
				_, _ = a.Stop(t.Context())
			})
		})
	}
}

func TestAnAnnouncerGivesUpWhenItsFirstRegistrationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := func() error { return fault.InvalidArgument.Errorf("the key %q is too long", "zone") }
		a := announce(t, registrar{Memory: registry.NewMemory(), registerErr: refused})
		if err := a.Start(instance); err != nil {
			t.Fatal(err)
		}
		err := a.WaitRegistered(t.Context())
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("got %v, want %v", err, fault.InvalidArgument)
		}
		wantText(t, err, "service inventory cannot be registered", "zone")
		_ = a.stop(t)
	})
}

func TestWhoWaitsForARegistrationLearnsWhyThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := announce(t, registrar{Memory: registry.NewMemory()})
		a.broken.Store(true)
		if err := a.Start(instance); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := a.WaitRegistered(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		wantText(t, err, "service inventory did not get ready in time", "the database is away")
		if err := a.stop(t); err != nil {
			t.Errorf("stop: got %v, want no error", err)
		}
		if err := a.WaitRegistered(t.Context()); !errors.Is(err, fault.Canceled) {
			t.Errorf("who waits when it stops: got %v, want %v", err, fault.Canceled)
		}
	})
}

func TestAnAnnouncerDoesNotStartWhenTheServiceIsStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := announce(t, registrar{Memory: registry.NewMemory()})
		a.state.Stop()
		if err := a.Start(instance); !errors.Is(err, fault.Canceled) {
			t.Errorf("got %v, want %v", err, fault.Canceled)
		}
		if announced, err := a.Stop(t.Context()); announced || err != nil {
			t.Errorf("stop: got %v, %v, want false without an error", announced, err)
		}
	})
}

func TestStopDoesNotWaitLongForARegistryThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func() error { bubble.Sleep(time.Hour); return nil }
		a := announce(t, registrar{Memory: registry.NewMemory(), deregisterErr: hangs})
		if err := a.Start(instance); err != nil {
			t.Fatal(err)
		}
		if err := a.WaitRegistered(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		wantText(t, a.stop(t), "leaving the registry did not end in time")
		if took := time.Since(begun); took > 6*time.Second {
			t.Errorf("it waited %s, want about 5s", took)
		}
		bubble.Sleep(time.Hour)
	})
}
