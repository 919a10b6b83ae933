package simtest

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
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

// Instance is one instance of a service in a run. A Service's Do gets it.
type Instance struct {
	*Process
	service *service
	number  int
	addr    string
	serve   kitendpoint.Endpoint
	working sync.WaitGroup

	mu      sync.Mutex
	now     condition
	free    int // workers
	waiting *list.List
	random  *rand.Rand
	up      bool
	life    context.Context // ends when the instance is killed
	kills   context.CancelFunc
}

// condition is what the script has done to an instance. It is replaced, never
// changed.
type condition struct {
	slow   float64
	errors float64
	answer error
	after  time.Duration
	hangs  bool
	cut    []string
}

// start begins an instance and registers it.
func (r *run) start(s *service) *Instance {
	s.mu.Lock()
	n := len(s.instances)
	name := instanceName(s.Name, n)
	i := &Instance{
		Process: r.process(s.Name, name, s.Config), service: s, number: n,
		addr: fmt.Sprintf("http://%s.test:80", name),
		now:  condition{slow: 1}, free: s.Workers, waiting: list.New(), random: random(r.Seed, name),
	}
	s.instances = append(s.instances[:n:n], i)
	s.mu.Unlock()
	i.serve = i.work
	if s.Server != nil {
		i.serve = endpoint.Chain(s.Server()...)(i.serve)
	}
	r.mu.Lock()
	r.byAddr[i.addr] = i
	r.mu.Unlock()
	i.restart()
	return i
}

// Work keeps the instance's worker busy for as long as l draws, as its condition
// is.
func (i *Instance) Work(ctx context.Context, l Latency) error {
	if l == nil {
		return nil
	}
	i.mu.Lock()
	d := time.Duration(float64(l(i.random)) * i.now.slow)
	i.mu.Unlock()
	if i.service.Heeds {
		return pause(ctx, d)
	}
	time.Sleep(d)
	return nil
}

// Draw is a random number from 0 to 1 that the seed repeats.
func (i *Instance) Draw() float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.random.Float64()
}

// Number tells the instance from others of its service, from 0.
func (i *Instance) Number() int { return i.number }

func (i *Instance) restart() {
	i.mu.Lock()
	if i.up {
		i.mu.Unlock()
		return
	}
	i.up = true
	i.life, i.kills = context.WithCancel(context.Background())
	i.mu.Unlock()
	i.run.busy.Go(func() { i.register() })
}

// register goes on until the registry takes it, as a service does.
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
		time.Sleep(time.Second)
	}
}

// kill ends the instance at once.
func (i *Instance) kill() {
	i.stop()
	i.run.busy.Go(func() {
		time.Sleep(i.run.Expiry)
		if !i.alive() {
			_ = i.run.names.Memory.Deregister(context.Background(), i.Name) // which nobody learns while the registry is away
		}
	})
}

// retire ends the instance as a service that stops does.
func (i *Instance) retire() {
	_ = i.run.names.Deregister(context.Background(), i.Name) // while the registry is away it expires
	i.run.busy.Go(func() {
		time.Sleep(i.drain)
		i.mu.Lock()
		i.up = false
		i.mu.Unlock()
		i.working.Wait()
		_ = i.run.names.Memory.Deregister(context.Background(), i.Name)
	})
}

func (i *Instance) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.up = false
	i.kills()
}

func (i *Instance) alive() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.up
}

func (i *Instance) set(change func(c *condition)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.now)
}

// arrive is a call that comes to the instance: how things stand there, and
// whether it is let in, so that the instance is working until it is answered.
func (i *Instance) arrive(from string) (now condition, up, in bool, life context.Context) {
	i.mu.Lock()
	defer i.mu.Unlock()
	in = i.up && i.now.answer == nil && !i.now.hangs && !slices.Contains(i.now.cut, from)
	if in {
		i.working.Add(1)
	}
	return i.now, i.up, in, i.life
}

func (i *Instance) look() condition {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// answer is one call as the instance sees it, in a goroutine of its own, since
// it goes on when its caller has gone.
func (i *Instance) answer(record endpoint.Call, reply chan<- error) {
	defer i.working.Done()
	limited := deadline.With(context.Background(), record.Deadline)
	defer limited.Stop()
	ctx, _ := endpoint.WithCall(limited, record)
	_, err := i.serve(ctx, nil)
	if err != nil {
		problem := fault.ProblemOf(err) // what crosses the wire
		err = problem.Err()
	}
	reply <- err
}

// work is what a call does inside of an instance: it waits for a worker and
// keeps it busy.
func (i *Instance) work(ctx context.Context, _ any) (any, error) {
	if err := i.enter(ctx); err != nil {
		return nil, err
	}
	defer i.leave()
	err := i.do(ctx)
	if err != nil && fault.IsUnprocessed(err) { // a handler ran, whatever it called did not
		ran := *fault.Repeat(err).(*fault.Error)
		ran.Unprocessed, ran.Repeated = false, fault.IsRepeated(err)
		err = &ran
	}
	return nil, err
}

func (i *Instance) do(ctx context.Context) error {
	if i.service.Do != nil {
		return i.service.Do(ctx, i)
	}
	if err := i.Work(ctx, i.service.Latency); err != nil {
		return err
	}
	if share := max(i.look().errors, i.service.Errors); share > 0 && i.Draw() < share {
		return fault.Internal.Errorf("%s failed", i.Name)
	}
	for _, name := range i.service.Calls {
		if err := i.Call(ctx, name, endpoint.Operation{Name: "call", Safe: true}); err != nil {
			return err
		}
	}
	return nil
}

// enter waits for a worker.
func (i *Instance) enter(ctx context.Context) error {
	if i.service.Workers == 0 {
		return nil
	}
	i.mu.Lock()
	if i.free > 0 {
		i.free--
		i.mu.Unlock()
		return nil
	}
	if q := i.service.Queue; q != 0 && i.waiting.Len() >= max(q, 0) {
		i.mu.Unlock()
		return fault.Unavailable.Errorf("the queue of %s is full", i.Name).WithReason("overloaded").WithUnprocessed()
	}
	turn := make(chan struct{})
	place := i.waiting.PushBack(turn)
	i.mu.Unlock()
	if !i.service.Heeds {
		<-turn
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	i.mu.Lock()
	select {
	case <-turn: // meanwhile
		i.mu.Unlock()
		i.leave()
	default:
		i.waiting.Remove(place)
		i.mu.Unlock()
	}
	return ctx.Err()
}

// leave gives the worker to the next call.
func (i *Instance) leave() {
	if i.service.Workers == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if first := i.waiting.Front(); first != nil {
		close(i.waiting.Remove(first).(chan struct{}))
		return
	}
	i.free++
}

// pause waits for d, or until ctx ends, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errKilled = errors.New("connection reset by peer")
