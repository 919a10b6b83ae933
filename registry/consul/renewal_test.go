package consul

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/registry"
)

func TestInstanceIsBackWithinOneTTLHoweverItWasLost(t *testing.T) {
	const ttl = 15 * time.Second
	ways := map[string]func(a *agent){
		"the agent was away for 20 TTL and forgot": func(a *agent) {
			a.set(func() { a.down = true })
			<-time.After(20 * ttl)
			a.forget()
			a.set(func() { a.down = false })
		},
		"the agent hung for 20 TTL and forgot": func(a *agent) {
			a.set(func() { a.hung = true })
			<-time.After(20 * ttl)
			a.forget()
			a.set(func() { a.hung = false })
		},
		"the agent answered 500 for 20 TTL and forgot": func(a *agent) {
			a.set(func() { a.refuses = http.StatusInternalServerError })
			<-time.After(20 * ttl)
			a.forget()
			a.set(func() { a.refuses = 0 })
		},
		"somebody deleted it": func(a *agent) { a.forget() },
	}
	for name, lose := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent()
				r := a.registry(t, Config{TTL: ttl})
				if err := r.Register(t.Context(), orders("orders-1")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				before := bubble.Goroutines()
				for range 3 {
					lose(a)
					bubble.Sleep(ttl)
					synctest.Wait()
					if s := a.status("orders-1"); s != api.HealthPassing {
						t.Fatalf("one TTL later it is %q", s)
					}
				}
				if after := bubble.Goroutines(); after > before {
					t.Errorf("%d goroutines before, %d after", before, after)
				}
			})
		})
	}
}

func TestAnAgentThatIsAwayGetsFewRenewals(t *testing.T) {
	for _, c := range []struct {
		name string
		ill  func(a *agent)
	}{
		{name: "refuses", ill: func(a *agent) { a.down = true }},
		{name: "500", ill: func(a *agent) { a.refuses = http.StatusInternalServerError }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent()
				r := a.registry(t, Config{})
				if err := r.Register(t.Context(), orders("orders-1")); err != nil {
					t.Fatal(err)
				}
				a.set(func() { c.ill(a); a.writes = 0 })
				bubble.Sleep(4 * defaultTTL)
				synctest.Wait()
				if a.writes < 4*renewalsPerTTL-2 || a.writes > 60 {
					t.Errorf("%d renewals were tried in a minute", a.writes)
				}
			})
		})
	}
}

func TestNothingIsWrittenForAnIDAfterDeregisterReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		a.latency = 2 * time.Millisecond
		r := a.registry(t, Config{TTL: minTTL})
		var gone sync.Map
		var late atomic.Int64
		a.written = func(id string) {
			if _, ok := gone.Load(id); ok {
				late.Add(1)
			}
		}
		rounds := 10_000
		if testing.Short() {
			rounds = 1000
		}
		var all sync.WaitGroup
		for n := range rounds {
			all.Go(func() {
				i := orders(fmt.Sprint(n))
				if err := r.Register(t.Context(), i); err != nil {
					t.Errorf("Register: %v", err)
				}
				var racer sync.WaitGroup
				racer.Go(func() { _ = r.SetStatus(t.Context(), i.ID, registry.Unknown) })
				bubble.Sleep(rand.N(2 * minTTL)) // among the renewals
				if n%10 == 0 {
					a.change(func() { delete(a.services, i.ID) }) // so that it is registered again
				}
				if err := r.Deregister(t.Context(), i.ID); err != nil {
					t.Errorf("Deregister: %v", err)
				}
				gone.Store(i.ID, true)
				racer.Wait()
			})
		}
		all.Wait()
		bubble.Sleep(time.Hour)
		if n := late.Load(); n > 0 {
			t.Errorf("%d writes", n)
		}
		if len(r.registrations) != 0 || len(a.services) != 0 {
			t.Errorf("%d ids are held and %d services left", len(r.registrations), len(a.services))
		}
	})
}

func TestRegisterAtAnAgentThatIsAwayIsUnavailableAndLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		ill  func(a *agent)
	}{
		{name: "refuses", ill: func(a *agent) { a.down = true }},
		{name: "hangs", ill: func(a *agent) { a.hung = true }},
		{name: "500", ill: func(a *agent) { a.refuses = http.StatusInternalServerError }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent()
				c.ill(a)
				r := a.registry(t, Config{})
				if err := r.Register(t.Context(), orders("orders-1")); !errors.Is(err, fault.Unavailable) {
					t.Errorf("Register: %v", err)
				}
				if err := r.Deregister(t.Context(), "orders-1"); !errors.Is(err, fault.Unavailable) {
					t.Errorf("Deregister: %v", err)
				}
				a.set(func() { a.down, a.hung, a.refuses = false, false, 0 })
				bubble.Sleep(time.Hour)
				if s := a.status("orders-1"); s != "" || len(r.registrations) != 0 {
					t.Errorf("it is %q, and %d ids are held", s, len(r.registrations))
				}
			})
		})
	}
}

func TestAFailedRegisterLeavesTheInstanceBeforeAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		if err := r.Register(t.Context(), orders("orders-1")); err != nil {
			t.Fatal(err)
		}
		a.set(func() { a.down = true })
		second := orders("orders-1")
		second.Version = "2"
		if r.Register(t.Context(), second) == nil || r.SetStatus(t.Context(), "orders-1", registry.Unknown) == nil {
			t.Error("it was written to nobody")
		}
		a.set(func() { a.down = false })
		a.forget()
		bubble.Sleep(defaultTTL)
		if s := a.status("orders-1"); s != api.HealthPassing || a.services["orders-1"].Meta[metaVersion] != "" {
			t.Errorf("it is %q", s)
		}
	})
}

func TestDeregisterThatFailsEndsTheRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		if err := r.Register(t.Context(), orders("orders-1")); err != nil {
			t.Fatal(err)
		}
		a.set(func() { a.down = true })
		if err := r.Deregister(t.Context(), "orders-1"); !errors.Is(err, fault.Unavailable) {
			t.Errorf("Deregister: %v", err)
		}
		a.set(func() { a.down = false })
		bubble.Sleep(2 * defaultTTL)
		if s := a.status("orders-1"); s != api.HealthCritical {
			t.Errorf("it is %q", s)
		}
		if err := r.Deregister(t.Context(), "orders-1"); err != nil || a.status("orders-1") != "" {
			t.Errorf("again: %v", err)
		}
	})
}

func TestCloseEndsRenewalsAndRefusesLaterCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				err := r.Register(t.Context(), orders(fmt.Sprint(n)))
				if err != nil && !errors.Is(err, fault.FailedPrecondition) {
					t.Errorf("Register while it closes: %v", err)
				}
			})
			if n == 25 || n == 26 {
				all.Go(func() {
					if err := r.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
		}
		all.Wait()
		bubble.Sleep(2 * defaultTTL)
		for id := range a.services {
			if s := a.status(id); s != api.HealthCritical {
				t.Errorf("instance %s is %q", id, s)
			}
		}
		if err := r.Deregister(t.Context(), "0"); !errors.Is(err, fault.FailedPrecondition) {
			t.Errorf("Deregister: %v", err)
		}
	})
}

func TestAnswersOfConsulKeepTheirClass(t *testing.T) {
	for _, c := range []struct {
		status int
		code   fault.Code
	}{
		{status: http.StatusForbidden, code: fault.PermissionDenied},
		{status: http.StatusBadRequest, code: fault.InvalidArgument},
		{status: http.StatusTooManyRequests, code: fault.Unavailable},
		{status: http.StatusInternalServerError, code: fault.Unavailable},
	} {
		a := newAgent()
		a.refuses = c.status
		r := a.registry(t, Config{Address: "10.1.1.1:8500"})
		err := r.Register(t.Context(), orders("orders-1"))
		if !errors.Is(err, c.code) {
			t.Errorf("status %d: %v", c.status, err)
		}
		if _, err := r.Services(t.Context()); !errors.Is(err, c.code) {
			t.Errorf("Services, status %d: %v", c.status, err)
		}
	}
}
