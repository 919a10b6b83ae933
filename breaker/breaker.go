package breaker

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Breaker decides whether a call may be made, and learns from how it went. It
// is safe for concurrent use.
type Breaker interface {
	// Allow is asked before a call, in the context of its caller. It is
	// fault.Unavailable, Unprocessed, when the call must not be made.
	Allow(ctx context.Context) (Permit, error)
	// Snapshot is the breaker's state.
	Snapshot() Snapshot
}

// Permit is permission to make one call. Its Done must be called once.
type Permit struct {
	era   *era
	start int64
	probe uint64
	done  func(ctx context.Context, err error)
}

// NewPermit makes a permit for a [Breaker] of your own: done is called with how the
// call ended.
func NewPermit(done func(ctx context.Context, err error)) Permit { return Permit{done: done} }

// Done says how the call ended. ctx is the context of the caller, or one whose
// record tells of it ([endpoint.CallerOf]): a time limit of our own is not the
// caller's.
func (p Permit) Done(ctx context.Context, err error) {
	switch {
	case p.done != nil:
		p.done(ctx, err)
	case p.era != nil:
		p.era.circuit.done(ctx, p, err)
	}
}

// Middleware guards an endpoint with b. A panic counts as a failure. It panics when b
// is nil.
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
