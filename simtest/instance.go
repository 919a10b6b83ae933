package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/registry"
)

// service is a service of a run.
type service struct {
	Service
	run *run

	mu        sync.Mutex
	instances []*Instance // those that are gone included
}

func newService(r *run, s Service) *service { return &service{Service: s, run: r} }

func (s *service) all() []*Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances
}

// Instance is one instance of a service in a run. It is what a service's Do and
// Start are given, and an [eventbus.Subscriber] whose subscriptions end with it.
type Instance struct {
	*Process
	service *service
	number  int
	addr    string
	serve   endpoint.Func
	working sync.WaitGroup

	mu      sync.Mutex
	now     condition
	random  *rand.Rand
	life    *life
	retired bool // for good
}

// life is an instance from its start until it is killed.
type life struct {
	over    chan struct{} // closed when it is killed
	workers               // guarded by the instance's lock
	stops   []stop        // of subscriptions
}

// ended says whether the instance was killed.
func (l *life) ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// condition is what the script has done to an instance. It is replaced, never
// changed.
type condition struct {
	up     bool
	slow   float64
	errors float64
	answer error
	after  time.Duration
	hangs  bool
	paused time.Time // until when it does not work on anything
	cut    []string
}

// start makes an instance.
func (r *run) start(s *service) *Instance {
	s.mu.Lock()
	n := len(s.instances)
	name := instanceName(s.Name, n)
	i := &Instance{
		Process: r.process(s.Name, name, s.Config), service: s, number: n,
		addr: fmt.Sprintf("http://%s.test:80", name), now: condition{slow: 1}, random: random(r.Seed, name),
	}
	s.instances = append(s.instances[:n:n], i)
	s.mu.Unlock()
	if r.Codec {
		i.route()
	} else {
		i.serve = i.enter(i.work)
		if s.Server != nil {
			i.serve = endpoint.Chain(s.Server()...)(i.serve)
		}
	}
	r.byAddr.Store(i.addr, i)
	i.begin()
	return i
}

// Number tells the instance from others of its service, from 0.
func (i *Instance) Number() int { return i.number }

// begin begins a life, unless one goes on.
func (i *Instance) begin() {
	i.mu.Lock()
	if i.now.up || i.retired {
		i.mu.Unlock()
		return
	}
	i.now.up = true
	i.life = &life{over: make(chan struct{}), workers: newWorkers(i.service.Workers)}
	i.mu.Unlock()
	if i.service.Start != nil {
		if err := i.service.Start(i); err != nil {
			i.run.t.Errorf("simtest: %s did not start: %v", i.Name, err)
		}
	}
}

// restart begins a life and registers, as a service does that starts.
func (i *Instance) restart() {
	i.begin()
	i.run.busy.Go(i.register)
}

// register goes on until the registry takes it.
func (i *Instance) register() {
	var metadata map[string]string
	if i.service.Metadata != nil {
		metadata = i.service.Metadata(i.number)
	}
	for i.alive() && !i.run.over() {
		err := i.run.names.Register(context.Background(), registry.Instance{ID: i.Name, Name: i.service.Name, Endpoint: i.addr, Metadata: metadata})
		if err == nil {
			return
		}
		time.Sleep(time.Second + i.run.jitter(i.salt, time.Millisecond))
	}
}

// kill ends the instance at once.
func (i *Instance) kill() {
	i.mu.Lock()
	if !i.now.up {
		i.mu.Unlock()
		return
	}
	i.now.up = false
	ended := i.life
	close(ended.over)
	i.mu.Unlock()
	i.run.busy.Go(func() {
		i.unsubscribe(ended)
		time.Sleep(i.run.Expiry)
		i.expire(ended)
	})
}

// expire takes an instance out of the registry that has not lived since. Nobody
// learns of it while the registry is away.
func (i *Instance) expire(ended *life) {
	i.mu.Lock()
	lives := i.now.up || i.life != ended
	i.mu.Unlock()
	if !lives {
		_ = i.run.names.Memory.Deregister(context.Background(), i.Name)
	}
}

// retire ends the instance as a service that stops does.
func (i *Instance) retire() {
	i.mu.Lock()
	i.retired = true
	ended := i.life
	i.mu.Unlock()
	refused := i.run.names.Deregister(context.Background(), i.Name)
	i.run.busy.Go(func() {
		time.Sleep(i.drain)
		i.mu.Lock()
		i.now.up = false
		i.mu.Unlock()
		i.unsubscribe(ended)
		i.working.Wait()
		if refused != nil {
			time.Sleep(i.run.Expiry)
			i.expire(ended)
		}
	})
}

func (i *Instance) alive() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now.up && !i.retired
}

func (i *Instance) set(change func(c *condition)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.now)
}

// heal undoes what the script did, but neither kills nor starts.
func (i *Instance) heal() {
	i.set(func(c *condition) { *c = condition{up: c.up, slow: 1, cut: c.cut} })
}

// arrive is a call that comes to the instance: how things stand there, and the
// life that lets it in, so that the instance is working until it is answered; nil
// where it is not let in.
func (i *Instance) arrive(from string) (condition, *life) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.now.up || i.now.answer != nil || i.now.hangs || slices.Contains(i.now.cut, from) {
		return i.now, nil
	}
	i.working.Add(1)
	return i.now, i.life
}

func instanceName(service string, n int) string { return fmt.Sprintf("%s-%d", service, n) }
