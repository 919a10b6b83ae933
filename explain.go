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

// Explain gives a context whose calls are explained: what each attempt had to
// choose from and why, what became of it and how long it took, and what ended the
// call. Calls that those make in turn in this process are explained, too.
//
//	ctx, why := sinew.Explain(ctx)
//	_, err := reserve(ctx, request)
//	log.Print(why)
//
// An explained call costs some microseconds more; others pay nothing. The error of
// a call that failed has an [endpoint.Trail] without being asked.
func Explain(ctx context.Context) (context.Context, *endpoint.Explanation) {
	call := endpoint.Call{Inbound: true} // a record of no call, which nobody takes for his own
	if parent := endpoint.CallOf(ctx); parent != nil {
		call = *parent
		call.Tried = slices.Clone(parent.Tried)
	}
	call.Why = &endpoint.Explanation{}
	ctx, _ = endpoint.WithCall(ctx, call)
	return ctx, call.Why
}

// note is what is kept of an attempt while that goes on.
type note struct {
	begun time.Time
	tried int                 // how many instances before
	seen  *endpoint.Situation // nil unless the call is explained
	pool  *loadbalance.Pool
}

// look begins the note of an attempt.
func (c *Client) look(call *endpoint.Call) note {
	n := note{begun: call.Start, tried: len(call.Tried), pool: c.pool}
	if call.Attempt > 1 {
		n.begun = time.Now()
	}
	if call.Explained() {
		n.seen = c.situation(call)
	}
	return n
}

// down takes down how the attempt ended, and returns that, if it failed or is
// explained.
func (n note) down(call *endpoint.Call, err error) error {
	if err != nil || n.seen != nil {
		n.take(call, err)
	}
	return err
}

func (n note) take(call *endpoint.Call, err error) {
	if n.seen != nil && len(n.seen.Candidates) == 0 { // it waited for the registry to tell of them, when nothing was known of any
		for _, i := range n.pool.Snapshot().Instances {
			n.seen.Candidates = append(n.seen.Candidates, endpoint.Candidate{ID: i.ID})
		}
	}
	step := endpoint.Step{
		Attempt: call.Attempt, Began: n.begun.Sub(call.Start), Took: time.Since(n.begun), Err: err, Situation: n.seen,
	}
	if len(call.Tried) > n.tried {
		step.Instance = call.Tried[n.tried]
	}
	call.Note(step)
}

// situation is what the next attempt is decided by.
func (c *Client) situation(call *endpoint.Call) *endpoint.Situation {
	limiter := c.limiter.Snapshot()
	s := &endpoint.Situation{
		Breaker: string(c.breaker.State()),
		Limit:   limiter.Limit, Running: limiter.Running,
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

// concluded ends the trail of a call, and is its error: with the trail, unless
// it is the answer of the service itself to the first attempt.
func concluded(call *endpoint.Call, err error) error {
	if err == nil {
		if call.Explained() {
			_ = call.End(nil, "")
		}
		return nil
	}
	failed := fault.Classify(context.Background(), err) == fault.Failure
	ended := ""
	if failed {
		ended = endedBy(call)
	}
	trail := call.End(err, ended)
	if !failed && len(trail.Steps) < 2 {
		return err
	}
	return trail
}

// endedBy is who or what has ended a call that failed, empty when nothing has.
func endedBy(call *endpoint.Call) string {
	took := func(until time.Time) string { return until.Sub(call.Start).Round(time.Microsecond).String() }
	now := time.Now()
	callers, limited := call.Caller.Deadline()
	switch {
	case errors.Is(call.Caller.Err(), context.Canceled):
		return "the caller gave up after " + took(now)
	case now.Before(call.Deadline):
		return ""
	case limited && !callers.After(call.Deadline):
		return "no answer within the " + took(call.Deadline) + " of the caller's deadline"
	}
	return "no answer within the timeout of " + took(call.Deadline)
}
