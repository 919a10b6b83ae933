package retry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// Race makes an attempt and, if that takes longer than after and the budget allows it, a
// second attempt at the same time. The operation must be safe to repeat. If after is zero,
// Policy.Hedge says when and how often there is a second attempt. If after is positive, the
// second attempt starts after that time whatever Policy.Hedge says: use that for an attempt
// that is known to be at risk.
//
// The first attempt gets n = 1 and runs in the goroutine of Race's caller. The second gets
// n = 2 and has its own goroutine and its own record. Each has its own context. The first
// success counts, and the other attempt is cancelled; after a failure Race waits for the
// other attempt. If both fail, Race returns the first attempt's error. Both have ended when
// Race returns.
//
// Call Race inside [Retrier.Do], which counts calls for the budget. With a call.Record of
// the call in ctx, a race of two attempts counts as two of Do's attempts, without a record
// as one. Inside another race of the same Retrier, or in the repeat of a call, Race makes
// one attempt.
func (r *Retrier) Race(ctx context.Context, after time.Duration, attempt func(ctx context.Context, n int) error) error {
	p := r.policy.Load()
	if record := call.Of(ctx); record != nil {
		p = policyFor(p, record)
	}
	_, err := r.hedge(ctx, p, after, attempt)
	return err
}

// hedge is Race under the policy p. n is the attempt whose result it returns.
func (r *Retrier) hedge(ctx context.Context, p *Policy, after time.Duration, attempt func(ctx context.Context, n int) error) (n int, err error) {
	if p.Attempts < 2 || after == 0 && p.Hedge.Percent == 0 || r.isHedged(ctx) {
		return 1, attempt(ctx, 1)
	}
	if after != 0 {
		n, _, err = (&hedge{Retrier: r, ctx: ctx, policy: p, attempt: attempt}).run(after)
		return n, err
	}
	known, started, both := true, time.Now(), false
	if after = p.Hedge.After; after == 0 {
		after, known = r.quantile.get()
	}
	if known {
		n, both, err = (&hedge{Retrier: r, ctx: ctx, policy: p, byPolicy: true, attempt: attempt}).run(after)
	} else {
		n, err = 1, attempt(ctx, 1)
	}
	if err == nil || both {
		r.quantile.add(time.Since(started), p.Hedge.slowShare())
	}
	return n, err
}

// hedge is a first attempt and, if it takes long, a second one; one of them counts.
type hedge struct {
	*Retrier
	ctx      context.Context
	policy   *Policy
	byPolicy bool // Policy.Hedge requests it
	attempt  func(ctx context.Context, n int) error
	fork     *callctx.Fork           // makes the second; nil if the first has no record
	stop     context.CancelCauseFunc // cancels the first

	mu         sync.Mutex
	firstEnded bool
	cancel     context.CancelCauseFunc // cancels the second; nil until it starts
	secondDone chan struct{}           // closed when the second has ended, or will not start
	// The result of the second, to be read after secondDone is closed.
	second   *callctx.Call
	err      error
	panicked any
}

// run makes the attempts. n is the one whose result counts; hedged says that both ran.
func (h *hedge) run(after time.Duration) (n int, hedged bool, err error) {
	h.secondDone = make(chan struct{})
	record := callctx.RecordOf(h.ctx)
	var c *callctx.Call
	if record != nil {
		h.ctx, c = callctx.Ensure(h.ctx)
	}
	var first context.Context
	first, h.stop = h.newAttemptContext(h.ctx)
	defer h.stop(nil)
	if c != nil {
		h.fork = c.Fork()
		if caller := c.Caller(); caller != nil {
			c.SetCaller(loserContext{caller, first})
			defer c.SetCaller(caller)
		}
	}
	timer, firstReturned := time.AfterFunc(after, h.runSecond), false
	defer func() {
		if !firstReturned { // it panicked, or ended its goroutine
			h.finishFirst(timer, true)
		}
	}()
	err = h.attempt(first, 1)
	firstReturned = true
	if !h.finishFirst(timer, err == nil) {
		return 1, false, err
	}
	if h.panicked != nil {
		panic(h.panicked)
	}
	if c != nil {
		c.Waited()
		h.merge(c)
		record.Attempt = c.Attempt
	}
	if err != nil && h.err == nil {
		return 2, true, nil
	}
	return 1, true, err
}

// finishFirst ends the first attempt. It says whether there was a second one, which has ended
// as well.
func (h *hedge) finishFirst(timer *time.Timer, won bool) bool {
	if timer.Stop() {
		return false
	}
	h.mu.Lock()
	h.firstEnded = true
	if won && h.cancel != nil {
		h.cancel(errLost)
	}
	h.mu.Unlock()
	<-h.secondDone
	return h.cancel != nil
}

func (h *hedge) runSecond() {
	defer close(h.secondDone)
	ctx, started := h.startSecond()
	if !started {
		return
	}
	defer h.cancel(nil)
	if ctx, h.second = h.fork.With(ctx); h.second == nil {
		ctx, h.second = callctx.With(ctx, callctx.Outgoing(h.ctx, call.Operation{}))
	}
	h.second.Attempt = 2
	if caller := h.second.Caller(); caller != nil {
		h.second.SetCaller(loserContext{caller, ctx})
	}
	h.err = errGoexit
	defer func() {
		if h.panicked = recover(); h.panicked != nil || h.err == nil {
			h.stop(errLost)
		}
	}()
	h.err = h.attempt(ctx, 2)
}

// startSecond returns the context of the second attempt, if there is to be one.
func (h *hedge) startSecond() (ctx context.Context, started bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.firstEnded || h.ctx.Err() != nil || !h.budget.allowHedge(h.policy, h.byPolicy) {
		return nil, false
	}
	ctx, h.cancel = h.newAttemptContext(h.ctx)
	return ctx, true
}

// merge adds to the record of the first what the second attempt did.
func (h *hedge) merge(c *callctx.Call) {
	c.Attempt = max(c.Attempt, h.second.Attempt)
	for _, id := range h.second.Tried {
		if !slices.Contains(c.Tried, id) {
			c.Try(id)
		}
	}
}

var (
	errGoexit = fault.Internal.Errorf("the attempt ended its goroutine")
	errLost   = fault.Canceled.Errorf("the other attempt was quicker")
)

// attemptContext is the context of one attempt of a hedge.
type attemptContext struct {
	context.Context
	retrier *Retrier
}

type hedgedKey struct{}

func (r *Retrier) newAttemptContext(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	return attemptContext{ctx, r}, cancel
}

// isHedged says whether ctx belongs to an attempt of a hedge of this Retrier.
func (r *Retrier) isHedged(ctx context.Context) bool { return ctx.Value(hedgedKey{}) == r }

// Value implements [context.Context].
func (a attemptContext) Value(key any) any {
	if _, ok := key.(hedgedKey); ok {
		return a.retrier
	}
	return a.Context.Value(key)
}

// loserContext is the caller's context for the result of an attempt: it is cancelled if the
// attempt lost, so that the loser's error is not blamed on the callee.
type loserContext struct {
	context.Context
	attempt context.Context
}

// Err implements [context.Context].
func (l loserContext) Err() error {
	if err := l.Context.Err(); err != nil {
		return err
	}
	if errors.Is(context.Cause(l.attempt), errLost) {
		return context.Canceled
	}
	return nil
}
