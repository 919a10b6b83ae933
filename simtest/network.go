package simtest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

const (
	refusalDelay = 200 * time.Microsecond // how long a refused connection takes
	resetDelay   = 100 * time.Microsecond // within which callers notice a broken connection
	momentJitter = time.Microsecond       // within which simultaneous actions happen
	tieBreak     = 100 * time.Nanosecond  // separates two actions of equal duration
)

var errKilled = errors.New("connection reset by peer")

// exchange is one attempt at an instance.
type exchange struct {
	to          *Instance
	incarnation *incarnation
	ctx         *deadline.Context // the context in which the instance works
	record      call.Record
	request     *http.Request // with World.Codec
	reply       chan reply
}

// reply is the answer of an instance: an error, or with World.Codec a response.
type reply struct {
	http *http.Response
	err  error
}

// deliver is the network between two processes: it carries a call to an address, and the
// answer back. r is the request as HTTP, nil without World.Codec.
func (p *Process) deliver(ctx context.Context, addr string, r *http.Request) reply {
	if ctx.Err() != nil {
		return noAnswer(ctx, addr)
	}
	i := p.run.instanceAt(addr)
	if i == nil {
		return reply{err: fault.Unavailable.Errorf("nothing is at %s", addr).WithUnprocessed()}
	}
	p.run.record.attempt(i, p.run.now())
	delay := p.networkDelay()
	if delay > 0 && pause(ctx, delay) != nil {
		return noAnswer(ctx, i.service.Name)
	}
	now, incarnation := i.accept(p.kind)
	if incarnation != nil {
		return p.exchange(ctx, i, incarnation, delay, r)
	}
	if now.drops(p.kind) {
		<-ctx.Done()
		return noAnswer(ctx, i.service.Name)
	}
	answer := reply{err: fault.Unavailable.Errorf("%s: connection refused", i.Name).WithUnprocessed()}
	after := refusalDelay
	if now.up && r != nil {
		answer, after = problemReply(now.answer), now.after
	} else if now.up {
		answer, after = reply{err: wireError(now.answer)}, now.after
	}
	if pause(ctx, after+p.networkDelay()+p.run.jitter(p.salt^i.salt, momentJitter)) != nil {
		return noAnswer(ctx, i.service.Name)
	}
	return answer
}

// exchange runs a call that an instance has accepted. The instance continues when the
// caller has gone, so it works in a separate goroutine. A call carries the time that is
// left, so its deadline is later at the callee than at the caller.
func (p *Process) exchange(ctx context.Context, i *Instance, inc *incarnation, way time.Duration, r *http.Request) reply {
	until, limited := ctx.Deadline()
	if !limited {
		until = time.Now().Add(noDeadline)
	}
	until = until.Add(way + 1 + p.run.jitter(p.salt^i.salt, momentJitter))
	x := &exchange{to: i, incarnation: inc, request: r, reply: make(chan reply, 1), ctx: deadline.With(context.Background(), until)}
	if r == nil {
		x.record = inboundRecord(call.Of(ctx), i, time.Now().Add(deadline.ForCallee(time.Until(until))))
	}
	defer x.ctx.Stop() // the other side notices that the connection ends
	// Drawn before the wait, because many callers notice a kill at once.
	returnDelay, resetNoticed := p.networkDelay(), p.run.jitter(p.salt^i.salt, resetDelay)
	p.run.pool.run(x.serve)
	var answer reply
	select {
	case answer = <-x.reply:
	case <-inc.killed:
	case <-ctx.Done():
		return noAnswer(ctx, i.service.Name)
	}
	if inc.isKilled() { // even if there is an answer
		x.ctx.Stop()
		returnDelay += resetNoticed
		answer = reply{err: fault.Unavailable.Errorf("%s gave no answer", i.Name).WithCause(errKilled)}
	}
	if returnDelay > 0 && pause(ctx, returnDelay) != nil || ctx.Err() != nil {
		return noAnswer(ctx, i.service.Name)
	}
	return answer
}

const noDeadline = 1000 * time.Hour

// serve is the instance's side of the exchange.
func (x *exchange) serve() {
	answer := reply{err: fault.Internal.Errorf("%s gave no answer", x.to.Name)} // for a handler that ends its goroutine
	defer x.to.working.Done()
	defer func() { x.reply <- answer }()
	if x.request != nil {
		time.Sleep(1 + x.to.run.jitter(x.to.salt, momentJitter)) // the deadline is later here than at the caller
		answer = x.to.serveHTTP(x.ctx, x.request)
		return
	}
	limited := deadline.With(x.ctx, x.record.Deadline)
	defer limited.Stop()
	_, err := x.to.serve(call.With(limited, x.record), nil)
	answer.err = wireError(err)
}

// inboundRecord returns the record of a call at the callee, as rest.ReadMetadata makes
// it.
func inboundRecord(made *call.Record, i *Instance, until time.Time) call.Record {
	return call.Record{
		Operation: call.Operation{Service: i.service.Name, Name: made.Name, Safe: made.Safe},
		From:      made.From, Start: time.Now(), Deadline: until, Priority: made.Priority,
		RequestID: made.RequestID, IdempotencyKey: made.IdempotencyKey,
		Repeated:    made.Repeated || made.Attempt > 1,
		Explanation: made.Explanation, // shared, because all is one process here
	}
}

// wireError returns err in the form in which it arrives at the other end of the wire.
func wireError(err error) error {
	if err == nil {
		return nil
	}
	p := fault.ProblemOf(err)
	return p.Err()
}

// noAnswer is the reply for a caller that has stopped waiting.
func noAnswer(ctx context.Context, who string) reply {
	return reply{err: fault.CodeOf(ctx.Err()).Errorf("%s gave no answer", who).WithCause(ctx.Err())}
}

// drops reports whether packets from a caller are lost.
func (c condition) drops(from string) bool {
	return c.hangs || slices.Contains(c.partitionedFrom, from)
}

// pause waits for d, or until ctx ends; then it returns the error of ctx.
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
