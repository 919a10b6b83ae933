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
	instances []*Instance // including those that have ended
}

func newService(r *run, s Service) *service { return &service{Service: s, run: r} }

func (s *service) all() []*Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances
}

// Instance is one instance of a service in a run. A service's Do and Start get it. It is
// also an [eventbus.Subscriber] whose subscriptions end with it.
type Instance struct {
	*Process
	service *service
	number  int
	addr    string
	serve   endpoint.Func
	working sync.WaitGroup

	mu          sync.Mutex
	condition   condition
	random      *rand.Rand
	incarnation *incarnation
	retired     bool // it never starts again
}

// incarnation is an instance from a start until it is killed.
type incarnation struct {
	killed  chan struct{} // closed when it is killed
	workers               // guarded by the instance's lock
	stops   []stopFunc    // of its subscriptions
}

// isKilled reports whether the incarnation was killed.
func (inc *incarnation) isKilled() bool {
	select {
	case <-inc.killed:
		return true
	default:
		return false
	}
}

// condition is the state of an instance as the script has set it. Copies of it are in
// use, so its slice is replaced, never modified.
type condition struct {
	up              bool
	slow            float64
	errors          float64
	answer          error
	after           time.Duration
	hangs           bool
	paused          time.Time // it does no work until then
	partitionedFrom []string
}

// startInstance adds an instance and starts it.
func (r *run) startInstance(s *service) *Instance {
	s.mu.Lock()
	n := len(s.instances)
	name := instanceName(s.Name, n)
	i := &Instance{
		Process: r.process(s.Name, name, s.Config), service: s, number: n,
		addr: fmt.Sprintf("http://%s.test:80", name), condition: condition{slow: 1}, random: random(r.Seed, name),
	}
	s.instances = append(s.instances[:n:n], i)
	s.mu.Unlock()
	if r.Codec {
		i.registerRoutes()
	} else {
		i.serve = i.limitWorkers(i.work)
		if s.Middleware != nil {
			i.serve = endpoint.Chain(s.Middleware()...)(i.serve)
		}
	}
	r.byAddr.Store(i.addr, i)
	i.boot()
	return i
}

// Number is the number of the instance within its service, from 0.
func (i *Instance) Number() int { return i.number }

// boot starts an incarnation, unless one is running.
func (i *Instance) boot() {
	i.mu.Lock()
	if i.condition.up || i.retired {
		i.mu.Unlock()
		return
	}
	i.condition.up = true
	i.incarnation = &incarnation{killed: make(chan struct{}), workers: newWorkers(i.service.Workers)}
	i.mu.Unlock()
	if i.service.Start != nil {
		if err := i.service.Start(i); err != nil {
			i.run.t.Errorf("simtest: %s did not start: %v", i.Name, err)
		}
	}
}

// restart starts an incarnation and registers it, as a service does when it starts.
func (i *Instance) restart() {
	i.boot()
	i.run.tasks.Go(i.register)
}

// register retries until the registry accepts the instance.
func (i *Instance) register() {
	var metadata map[string]string
	if i.service.Metadata != nil {
		metadata = i.service.Metadata(i.number)
	}
	for i.alive() && !i.run.isOver() {
		err := i.run.registry.Register(context.Background(), registry.Instance{ID: i.Name, Name: i.service.Name, Endpoint: i.addr, Metadata: metadata})
		if err == nil {
			return
		}
		time.Sleep(time.Second + i.run.jitter(i.salt, time.Millisecond))
	}
}

// kill ends the instance at once.
func (i *Instance) kill() {
	i.mu.Lock()
	if !i.condition.up {
		i.mu.Unlock()
		return
	}
	i.condition.up = false
	ended := i.incarnation
	close(ended.killed)
	i.mu.Unlock()
	i.run.tasks.Go(func() {
		i.unsubscribe(ended)
		time.Sleep(i.run.Expiry)
		i.expire(ended)
	})
}

// expire removes an instance from the registry that has not started again. Watches do not
// report that while the registry is down.
func (i *Instance) expire(ended *incarnation) {
	i.mu.Lock()
	lives := i.condition.up || i.incarnation != ended
	i.mu.Unlock()
	if !lives {
		_ = i.run.registry.Memory.Deregister(context.Background(), i.Name)
	}
}

// retire ends the instance like a service that shuts down.
func (i *Instance) retire() {
	i.mu.Lock()
	i.retired = true
	ended := i.incarnation
	i.mu.Unlock()
	refused := i.run.registry.Deregister(context.Background(), i.Name)
	i.run.tasks.Go(func() {
		time.Sleep(i.drain)
		i.mu.Lock()
		i.condition.up = false
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
	return i.condition.up && !i.retired
}

func (i *Instance) set(change func(c *condition)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.condition)
}

// heal undoes what the script did, except kills and starts.
func (i *Instance) heal() {
	i.set(func(c *condition) { *c = condition{up: c.up, slow: 1, partitionedFrom: c.partitionedFrom} })
}

// accept handles the arrival of a call. It returns the condition of the instance and the
// incarnation that accepts the call, which then counts as working until the call is
// answered. The incarnation is nil if the call is not accepted.
func (i *Instance) accept(from string) (condition, *incarnation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.condition.up || i.condition.answer != nil || i.condition.hangs || slices.Contains(i.condition.partitionedFrom, from) {
		return i.condition, nil
	}
	i.working.Add(1)
	return i.condition, i.incarnation
}

func instanceName(service string, n int) string { return fmt.Sprintf("%s-%d", service, n) }
