package simtest

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// Process is a program in a run: an instance of a service, or one of a client's
// processes. Its Service is a real one, which neither listens nor registers.
type Process struct {
	// Name is the process' own: "stock-3".
	Name string
	// Service makes the clients of its calls.
	Service *sinew.Service

	kind  string // the service or client that it is one of
	run   *run
	drain time.Duration

	mu     sync.Mutex
	called []string // the services that it has called, sorted
}

const (
	defaultDrain = time.Second
	refusal      = 200 * time.Microsecond // how long a refused connection takes
)

// process is a new one of this kind.
func (r *run) process(kind, name string, c sinew.Config) *Process {
	p := &Process{Name: name, kind: kind, run: r, drain: c.DrainDelay}
	if p.drain == 0 {
		p.drain = defaultDrain
	}
	c.Registry, c.DrainDelay = r.names, -1
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	p.Service = sinew.New(kind, c)
	return p
}

// Call calls a service by its name, through the process' own client.
func (p *Process) Call(ctx context.Context, service string, op endpoint.Operation) error {
	p.note(service)
	p.run.seen.call(service, p.run.now())
	return p.Service.Client(service).Call(ctx, op, p.send)
}

// note keeps whom the process calls.
func (p *Process) note(service string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, there := slices.BinarySearch(p.called, service); !there {
		p.called = slices.Insert(slices.Clone(p.called), at, service)
	}
}

func (p *Process) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.called
}

// send is the network: one attempt at an address.
func (p *Process) send(ctx context.Context, addr string) error {
	p.run.mu.Lock()
	i := p.run.byAddr[addr]
	p.run.mu.Unlock()
	p.run.seen.attempt(i, p.run.now())
	if err := p.travel(ctx); err != nil {
		return silence(ctx, i)
	}
	now, up, in, life := i.arrive(p.kind)
	var err, late error
	switch {
	case in:
		return p.exchange(ctx, i, life)
	case now.hangs || slices.Contains(now.cut, p.kind):
		<-ctx.Done()
		return silence(ctx, i)
	case !up:
		err = fault.Unavailable.Errorf("%s: connection refused", i.Name).WithUnprocessed()
		late = pause(ctx, refusal+p.run.transit())
	default:
		problem := fault.ProblemOf(now.answer)
		err = problem.Err()
		late = pause(ctx, now.after+p.run.transit())
	}
	if late != nil {
		return silence(ctx, i)
	}
	return err
}

// exchange is a call that has come to an instance which takes it.
func (p *Process) exchange(ctx context.Context, i *Instance, life context.Context) error {
	reply := make(chan error, 1)
	go i.answer(accepted(ctx, i), reply)
	select {
	case err := <-reply:
		if late := p.travel(ctx); late != nil {
			return silence(ctx, i)
		}
		return err
	case <-life.Done():
		return fault.Unavailable.Errorf("%s gave no answer", i.Name).WithCause(errKilled)
	case <-ctx.Done():
		return silence(ctx, i)
	}
}

// accepted is the record of a call on the other side of the wire.
func accepted(ctx context.Context, i *Instance) endpoint.Call {
	call := endpoint.CallOf(ctx)
	until, _ := ctx.Deadline() // the client's limit is always there
	until = time.Now().Add(deadline.ForCallee(time.Until(until)))
	return endpoint.Call{
		Operation: endpoint.Operation{Service: i.service.Name, Name: call.Name},
		From:      call.From, Start: time.Now(), Deadline: until, Priority: call.Priority,
		RequestID: call.RequestID, IdempotencyKey: call.IdempotencyKey,
		Repeated: call.Repeated || call.Attempt > 1, Entered: true,
	}
}

// travel is a message on its way.
func (p *Process) travel(ctx context.Context) error {
	if d := p.run.transit(); d > 0 {
		return pause(ctx, d)
	}
	return nil
}

// silence is the error of a caller that waits no longer.
func silence(ctx context.Context, i *Instance) error {
	return fault.CodeOf(ctx.Err()).Errorf("%s gave no answer", i.service.Name).WithCause(ctx.Err())
}

func (r *run) now() time.Duration { return time.Since(r.began) }

// over says that no client sends any more.
func (r *run) over() bool { return r.now() >= r.For }
