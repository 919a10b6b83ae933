package breaker

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Breaker decides whether a call may be made, and records how it ended. It is safe for
// concurrent use.
type Breaker interface {
	// Allow is called before each call, with the caller's context. The error is
	// fault.Unavailable, Unprocessed, if the call must not be made.
	Allow(ctx context.Context) (Permit, error)
	// Snapshot returns the breaker's state.
	Snapshot() Snapshot
}

// Permit is permission to make one call. Call Done exactly once, when the call ends, on this
// value or on a copy; a second Done, on either, is a mistake and may count the call twice.
type Permit struct {
	generation *generation
	start      int64
	leaseID    uint64
	done       func(ctx context.Context, err error)
}

// NewPermit makes a permit for your own [Breaker]: it calls done when the call ends.
func NewPermit(done func(ctx context.Context, err error)) Permit { return Permit{done: done} }

// Done reports how the call ended. ctx is the caller's context, or one whose record has it
// ([callctx.CallerOf]): a timeout of our own is not the caller's deadline.
func (p Permit) Done(ctx context.Context, err error) {
	switch {
	case p.done != nil:
		p.done(ctx, err)
	case p.generation != nil:
		p.generation.circuit.finish(ctx, p, err)
	}
}

// Middleware guards an endpoint with b. A panic counts as a failure. It panics if b is
// nil.
func Middleware(b Breaker) endpoint.Middleware {
	if absent.Is(b) {
		panic("breaker.Middleware: the breaker is nil; give one, or use Policy.Middleware")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) { return guard(ctx, b, next, request) }
	}
}

func guard(ctx context.Context, b Breaker, next endpoint.Func, request any) (response any, err error) {
	permit, err := b.Allow(ctx)
	if err != nil {
		return nil, err
	}
	err = panicked.Err
	defer func() { permit.Done(ctx, err) }()
	return next(ctx, request)
}
