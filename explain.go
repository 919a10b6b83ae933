package sinew

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
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
// failed call carries a [call.Trail] in any case.
func Explain(ctx context.Context) (context.Context, *call.Explanation) {
	record := call.Record{Inbound: true} // Inbound, since it is not the record of a call being made
	if parent := call.Of(ctx); parent != nil {
		record = *parent
		record.Tried = slices.Clone(parent.Tried)
	}
	record.Explanation = &call.Explanation{}
	return call.With(ctx, record), record.Explanation
}

// attemptTrace describes an attempt while it goes on.
type attemptTrace struct {
	start       time.Time
	triedBefore int             // how many instances were tried before
	situation   *call.Situation // nil unless the call is explained
	pool        *loadbalance.Pool
}

// startTrace starts the trace of an attempt.
func (c *Client) startTrace(made *callctx.Call) attemptTrace {
	t := attemptTrace{start: made.Start, triedBefore: len(made.Tried), pool: c.pool}
	if made.Attempt > 1 {
		t.start = time.Now()
	}
	if made.Explained() {
		t.situation = c.situation(made)
	}
	return t
}

// finish adds the attempt to the call's trail if it failed or is explained. It returns
// err.
func (t attemptTrace) finish(made *callctx.Call, err error) error {
	if err != nil || t.situation != nil {
		t.record(made, err)
	}
	return err
}

func (t attemptTrace) record(made *callctx.Call, err error) {
	if t.situation != nil && len(t.situation.Candidates) == 0 { // the attempt had to wait for the registry
		for _, i := range t.pool.Snapshot().Instances {
			t.situation.Candidates = append(t.situation.Candidates, call.Candidate{ID: i.ID})
		}
	}
	step := call.Step{
		Attempt: made.Attempt, Began: t.start.Sub(made.Start), Took: time.Since(t.start), Err: err, Situation: t.situation,
	}
	if len(made.Tried) > t.triedBefore {
		step.Instance = made.Tried[t.triedBefore]
	}
	made.Note(step)
}

// situation returns the state that decides about the next attempt.
func (c *Client) situation(made *callctx.Call) *call.Situation {
	limiter := c.limiter.Snapshot()
	s := &call.Situation{
		Breaker: string(c.breaker.State()),
		Limit:   limiter.Limit, InFlight: limiter.InFlight,
		Budget: c.retrier.Snapshot().Left,
	}
	for _, i := range c.pool.Snapshot().Instances {
		candidate := call.Candidate{ID: i.ID, InFlight: i.InFlight, Latency: i.Latency, Cost: i.Cost}
		switch {
		case i.Ejected:
			candidate.Excluded = "ejected"
		case i.Probation:
			candidate.Excluded = "probation"
		case slices.Contains(made.Tried, i.ID):
			candidate.Excluded = "tried"
		}
		s.Candidates = append(s.Candidates, candidate)
	}
	return s
}

// finishTrail ends the trail of a call and returns the call's error. That is the trail,
// unless the service itself answered the first attempt.
func finishTrail(made *callctx.Call, err error) error {
	if err == nil {
		if made.Explained() {
			_ = made.End(nil, "")
		}
		return nil
	}
	failed := fault.Judge(context.Background(), err).Outcome() == fault.Failure
	ended := ""
	if failed {
		ended = endReason(made)
	}
	trail := made.End(err, ended)
	if !failed && len(trail.Steps) < 2 {
		return err
	}
	return trail
}

// endReason says who or what ended a failed call; it is empty if no time limit and no
// caller did.
func endReason(made *callctx.Call) string {
	elapsed := func(until time.Time) string { return until.Sub(made.Start).Round(time.Microsecond).String() }
	now := time.Now()
	callerDeadline, limited := made.Caller().Deadline()
	switch {
	case errors.Is(made.Caller().Err(), context.Canceled):
		return "the caller gave up after " + elapsed(now)
	case now.Before(made.Deadline):
		return ""
	case limited && !callerDeadline.After(made.Deadline):
		return "no answer within the " + elapsed(made.Deadline) + " of the caller's deadline"
	}
	return "no answer within the timeout of " + elapsed(made.Deadline)
}
