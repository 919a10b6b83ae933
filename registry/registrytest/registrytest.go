package registrytest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/suite"
	"github.com/sinew-go/sinew/registry"
)

// Features say what the registry under test cannot do, and how it is tested. For a
// registry that can do everything, set Crash and Lose; it is tested against every rule.
type Features struct {
	// RealTime: the registry does not live in this process alone, so the rules wait in real
	// time. Otherwise they run in virtual time, as of package testing/synctest.
	RealTime bool
	// NoCrash: an instance and its registry cannot die separately. Otherwise Crash is
	// needed.
	NoCrash bool
	// NoLoss: the registry cannot lose its data and go on. Otherwise Lose is needed.
	NoLoss bool
	// Crash stops r as the death of its process would: from then on r renews and
	// deregisters nothing. With Crash, all registries that open returns to one subtest must
	// show the same instances.
	Crash func(t *testing.T, r registry.Registry)
	// Lose makes the registry lose all data and answer again, as a server does that is
	// killed and restarted without its data.
	Lose func(t *testing.T)
	// MaxDelay is how long it may take until all watches see a change. The default is 10 s.
	MaxDelay time.Duration
	// TTL is how long an instance stays healthy without renewal. Zero means that nothing
	// needs to be renewed; the rules then use 1 s.
	TTL time.Duration
}

func cannotCrash(f Features) bool { return f.NoCrash }

func cannotLose(f Features) bool { return f.NoLoss }

// Run runs every rule as a subtest. open returns a registry for the subtest t, and closes
// it with t.Cleanup. A subtest calls open once or more.
func Run(t *testing.T, f Features, open func(t *testing.T) registry.Registry) {
	t.Helper()
	if f.Crash == nil && !f.NoCrash || f.Lose == nil && !f.NoLoss {
		t.Fatal("registrytest: set Features.Crash and Lose, or NoCrash and NoLoss where that is impossible")
	}
	if f.MaxDelay == 0 {
		f.MaxDelay = 10 * time.Second
	}
	if f.TTL == 0 {
		f.TTL = time.Second
	}
	suite.Suite[Features, *subject]{
		Rules: slices.Concat(registrations(), validity(), watches(), lifetimes()), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *subject {
			ctx, cancel := context.WithTimeout(context.Background(), 12*f.MaxDelay+20*f.TTL)
			t.Cleanup(cancel)
			return &subject{T: t, Features: f, ctx: ctx, open: open, service: suite.Name()}
		},
	}.Run(t)
}

// rule is one guarantee of every registry.
type rule = suite.Rule[Features, *subject]

// subject is the registry under test.
type subject struct {
	*testing.T
	Features
	ctx     context.Context
	open    func(t *testing.T) registry.Registry
	service string
}

// registry opens a registry.
func (s *subject) registry() registry.Registry {
	s.Helper()
	return s.open(s.T)
}

// instance returns an instance of the subject's service with every field set.
func (s *subject) instance(suffix string) registry.Instance {
	return registry.Instance{
		ID: s.service + "-" + suffix, Name: s.service, Version: "1.4.0",
		Endpoint: "http://10.1.2.3:8080", HealthCheck: "http://10.1.2.3:8080/healthz",
		Metadata: map[string]string{"zone": "eu-1", "weight": "3"},
		Tags:     []string{"api", "blue-" + s.service},
		Status:   registry.Healthy,
	}
}

func (s *subject) register(r registry.Registrar, all ...registry.Instance) {
	s.Helper()
	for _, i := range all {
		if err := r.Register(s.ctx, i); err != nil {
			s.Fatalf("Register %s: %v", i.ID, err)
		}
	}
}

func (s *subject) deregister(r registry.Registrar, all ...registry.Instance) {
	s.Helper()
	for _, i := range all {
		if err := r.Deregister(s.ctx, i.ID); err != nil {
			s.Fatalf("Deregister %s: %v", i.ID, err)
		}
	}
}

// until watches the service until a set is as wanted, and returns that set.
func (s *subject) until(d registry.Discoverer, wanted string, is func([]registry.Instance) bool) []registry.Instance {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, s.MaxDelay)
	defer cancel()
	last, lastErr := []registry.Instance(nil), error(nil)
	for set, err := range d.Watch(ctx, s.service) {
		if err != nil {
			lastErr = err
			continue
		}
		if last = set; is(set) {
			return set
		}
	}
	s.Fatalf("after %s a watch has not given %s; last it gave %v, its last error is %v", s.MaxDelay, wanted, ids(last), lastErr)
	return nil
}

// count waits for a set of n instances that are all healthy.
func (s *subject) count(d registry.Discoverer, n int) []registry.Instance {
	s.Helper()
	return s.until(d, "the healthy instances that there are", func(set []registry.Instance) bool {
		return len(set) == n && len(healthy(set)) == n
	})
}

// watch sends the sets of a watch to a channel until the subtest ends.
func (s *subject) watch(d registry.Discoverer) <-chan []registry.Instance {
	sets := make(chan []registry.Instance)
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for set, err := range d.Watch(ctx, s.service) {
			if err != nil {
				continue
			}
			select {
			case sets <- set:
			case <-ctx.Done():
			}
		}
	}()
	s.Cleanup(func() { cancel(); <-done })
	return sets
}

// during fails the test if, within d, a watch yields a set that is not ok.
func (s *subject) during(r registry.Discoverer, d time.Duration, wrong string, ok func([]registry.Instance) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, d)
	defer cancel()
	for set, err := range r.Watch(ctx, s.service) {
		if err == nil && !ok(set) {
			s.Fatalf("%s: a watch gives %v", wrong, ids(set))
		}
	}
}

func healthy(set []registry.Instance) []registry.Instance {
	var found []registry.Instance
	for _, i := range set {
		if i.Status == registry.Healthy {
			found = append(found, i)
		}
	}
	return found
}

func find(set []registry.Instance, id string) (registry.Instance, bool) {
	for _, i := range set {
		if i.ID == id {
			return i, true
		}
	}
	return registry.Instance{}, false
}

// ids describes a set in a message.
func ids(set []registry.Instance) []string {
	found := []string{}
	for _, i := range set {
		found = append(found, i.ID+" "+string(i.Status))
	}
	return found
}
