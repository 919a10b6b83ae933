package sinew

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

// Explain returns a context whose calls are explained: which instances each attempt had to
// choose from, why it chose one, how it ended and how long it took, and what ended the
// call. Calls that those make in turn within this process are explained, too.
//
//	ctx, why := sinew.Explain(ctx)
//	_, err := reserve(ctx, request)
//	log.Print(why)
//
// An explained call takes some microseconds longer; others pay nothing. The error of a
// failed call carries an [endpoint.Trail] in any case.
func Explain(ctx context.Context) (context.Context, *endpoint.Explanation) {
	call := endpoint.Call{Inbound: true} // Inbound, since it is not the record of a call being made
	if parent := endpoint.CallOf(ctx); parent != nil {
		call = *parent
		call.Tried = slices.Clone(parent.Tried)
	}
	call.Why = &endpoint.Explanation{}
	ctx, _ = endpoint.WithCall(ctx, call)
	return ctx, call.Why
}

// attemptTrace describes an attempt while it goes on.
type attemptTrace struct {
	start       time.Time
	triedBefore int                 // how many instances were tried before
	situation   *endpoint.Situation // nil unless the call is explained
	pool        *loadbalance.Pool
}

// startTrace starts the trace of an attempt.
func (c *Client) startTrace(call *endpoint.Call) attemptTrace {
	t := attemptTrace{start: call.Start, triedBefore: len(call.Tried), pool: c.pool}
	if call.Attempt > 1 {
		t.start = time.Now()
	}
	if call.Explained() {
		t.situation = c.situation(call)
	}
	return t
}

// finish adds the attempt to the call's trail if it failed or is explained. It returns
// err.
func (t attemptTrace) finish(call *endpoint.Call, err error) error {
	if err != nil || t.situation != nil {
		t.record(call, err)
	}
	return err
}

func (t attemptTrace) record(call *endpoint.Call, err error) {
	if t.situation != nil && len(t.situation.Candidates) == 0 { // the attempt had to wait for the registry
		for _, i := range t.pool.Snapshot().Instances {
			t.situation.Candidates = append(t.situation.Candidates, endpoint.Candidate{ID: i.ID})
		}
	}
	step := endpoint.Step{
		Attempt: call.Attempt, Began: t.start.Sub(call.Start), Took: time.Since(t.start), Err: err, Situation: t.situation,
	}
	if len(call.Tried) > t.triedBefore {
		step.Instance = call.Tried[t.triedBefore]
	}
	call.Note(step)
}

// situation returns the state that decides about the next attempt.
func (c *Client) situation(call *endpoint.Call) *endpoint.Situation {
	limiter := c.limiter.Snapshot()
	s := &endpoint.Situation{
		Breaker: string(c.breaker.State()),
		Limit:   limiter.Limit, Running: limiter.InFlight,
		Budget: c.retrier.Snapshot().Left,
	}
	for _, i := range c.pool.Snapshot().Instances {
		candidate := endpoint.Candidate{ID: i.ID, InFlight: i.InFlight, Latency: i.Latency, Cost: i.Cost}
		switch {
		case i.Ejected:
			candidate.Excluded = "ejected"
		case i.Probation:
			candidate.Excluded = "probation"
		case slices.Contains(call.Tried, i.ID):
			candidate.Excluded = "tried"
		}
		s.Candidates = append(s.Candidates, candidate)
	}
	return s
}

// finishTrail ends the trail of a call and returns the call's error. That is the trail,
// unless the service itself answered the first attempt.
func finishTrail(call *endpoint.Call, err error) error {
	if err == nil {
		if call.Explained() {
			_ = call.End(nil, "")
		}
		return nil
	}
	failed := fault.Judge(context.Background(), err).Outcome() == fault.Failure
	ended := ""
	if failed {
		ended = endReason(call)
	}
	trail := call.End(err, ended)
	if !failed && len(trail.Steps) < 2 {
		return err
	}
	return trail
}

// endReason says who or what ended a failed call; it is empty if no time limit and no
// caller did.
func endReason(call *endpoint.Call) string {
	elapsed := func(until time.Time) string { return until.Sub(call.Start).Round(time.Microsecond).String() }
	now := time.Now()
	callerDeadline, limited := call.Caller.Deadline()
	switch {
	case errors.Is(call.Caller.Err(), context.Canceled):
		return "the caller gave up after " + elapsed(now)
	case now.Before(call.Deadline):
		return ""
	case limited && !callerDeadline.After(call.Deadline):
		return "no answer within the " + elapsed(call.Deadline) + " of the caller's deadline"
	}
	return "no answer within the timeout of " + elapsed(call.Deadline)
}
