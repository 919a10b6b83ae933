package simtest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

const (
	refusal = 200 * time.Microsecond // how long a refused connection takes
	reset   = 100 * time.Microsecond // in how long all hear that a connection broke
	instant = time.Microsecond       // within which what is said to be one moment happens
	hair    = 100 * time.Nanosecond  // what parts two things that take as long
)

var errKilled = errors.New("connection reset by peer")

// exchange is one attempt at an instance.
type exchange struct {
	to      *Instance
	life    *life
	ctx     *deadline.Context // what the instance works in
	record  endpoint.Call
	request *http.Request // with World.Codec
	reply   chan reply
}

// reply is what an instance answers: an error, with World.Codec a response.
type reply struct {
	http *http.Response
	err  error
}

// deliver brings a call to an address, and the answer back: the network between
// two processes. r is the request as HTTP, nil without World.Codec.
func (p *Process) deliver(ctx context.Context, addr string, r *http.Request) reply {
	if ctx.Err() != nil {
		return silence(ctx, addr)
	}
	i := p.run.at(addr)
	if i == nil {
		return reply{err: fault.Unavailable.Errorf("nothing is at %s", addr).WithUnprocessed()}
	}
	p.run.seen.attempt(i, p.run.now())
	way := p.transit()
	if way > 0 && pause(ctx, way) != nil {
		return silence(ctx, i.service.Name)
	}
	now, life := i.arrive(p.kind)
	if life != nil {
		return p.exchange(ctx, i, life, way, r)
	}
	if now.lost(p.kind) {
		<-ctx.Done()
		return silence(ctx, i.service.Name)
	}
	answer := reply{err: fault.Unavailable.Errorf("%s: connection refused", i.Name).WithUnprocessed()}
	after := refusal
	if now.up && r != nil {
		answer, after = problem(now.answer), now.after
	} else if now.up {
		answer, after = reply{err: crossed(now.answer)}, now.after
	}
	if pause(ctx, after+p.transit()+p.run.jitter(p.salt^i.salt, instant)) != nil {
		return silence(ctx, i.service.Name)
	}
	return answer
}

// exchange is a call that has come to an instance which takes it. The instance
// goes on with it when its caller has gone, so it is in a goroutine of its own.
// What travels is how long it may take, so its time is over on the other side
// after it is here.
func (p *Process) exchange(ctx context.Context, i *Instance, l *life, way time.Duration, r *http.Request) reply {
	until, limited := ctx.Deadline()
	if !limited {
		until = time.Now().Add(forever)
	}
	until = until.Add(way + 1 + p.run.jitter(p.salt^i.salt, instant))
	x := &exchange{to: i, life: l, request: r, reply: make(chan reply, 1), ctx: deadline.With(context.Background(), until)}
	if r == nil {
		x.record = accepted(endpoint.CallOf(ctx), i, time.Now().Add(deadline.ForCallee(time.Until(until))))
	}
	defer x.ctx.Stop() // a connection that ends is seen on its other side
	// Drawn now, since many hear of a kill at once.
	back, broken := p.transit(), p.run.jitter(p.salt^i.salt, reset)
	p.run.crew.do(x.serve)
	var answer reply
	select {
	case answer = <-x.reply:
	case <-l.over:
	case <-ctx.Done():
		return silence(ctx, i.service.Name)
	}
	if l.ended() { // be there an answer or not
		x.ctx.Stop()
		back += broken
		answer = reply{err: fault.Unavailable.Errorf("%s gave no answer", i.Name).WithCause(errKilled)}
	}
	if back > 0 && pause(ctx, back) != nil || ctx.Err() != nil {
		return silence(ctx, i.service.Name)
	}
	return answer
}

const forever = 1000 * time.Hour

// serve is the exchange as the instance sees it.
func (x *exchange) serve() {
	answer := reply{err: fault.Internal.Errorf("%s gave no answer", x.to.Name)} // of a handler that ended its goroutine
	defer x.to.working.Done()
	defer func() { x.reply <- answer }()
	if x.request != nil {
		time.Sleep(1 + x.to.run.jitter(x.to.salt, instant)) // its time is over on this side after it is on the other
		answer = x.to.serveHTTP(x.ctx, x.request)
		return
	}
	limited := deadline.With(x.ctx, x.record.Deadline)
	defer limited.Stop()
	ctx, _ := endpoint.WithCall(limited, x.record)
	_, err := x.to.serve(ctx, nil)
	answer.err = crossed(err)
}

// accepted is the record of a call on the other side of the wire, as rest.ReadMetadata
// makes it.
func accepted(call *endpoint.Call, i *Instance, until time.Time) endpoint.Call {
	return endpoint.Call{
		Operation: endpoint.Operation{Service: i.service.Name, Name: call.Name, Safe: call.Safe},
		From:      call.From, Start: time.Now(), Deadline: until, Priority: call.Priority,
		RequestID: call.RequestID, IdempotencyKey: call.IdempotencyKey,
		Repeated: call.Repeated || call.Attempt > 1,
		Why:      call.Why, // all is one process here
	}
}

// crossed is an error on the other side of the wire.
func crossed(err error) error {
	if err == nil {
		return nil
	}
	p := fault.ProblemOf(err)
	return p.Err()
}

// silence is what a caller hears that waits no longer.
func silence(ctx context.Context, who string) reply {
	return reply{err: fault.CodeOf(ctx.Err()).Errorf("%s gave no answer", who).WithCause(ctx.Err())}
}

// lost says that packets from a caller do not arrive.
func (c condition) lost(from string) bool { return c.hangs || slices.Contains(c.cut, from) }

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
