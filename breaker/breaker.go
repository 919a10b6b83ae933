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
	// Allow is called before each call, with the caller's context. If the call must not be
	// made, Allow returns fault.Unavailable with reason breaker_open, Unprocessed.
	// Otherwise the caller calls Done of the Permit when the call ends.
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

// NewPermit makes a permit for a [Breaker] of your own. Its Done calls done.
func NewPermit(done func(ctx context.Context, err error)) Permit { return Permit{done: done} }

// Done reports how the call ended; err is nil for a success. ctx is the caller's context,
// without a time limit that a policy has added: a deadline in ctx counts as the caller's.
// Within a call of a sinew client the context of the attempt will do, since the client
// finds the caller's context by it. Done of the zero Permit does nothing.
func (p Permit) Done(ctx context.Context, err error) {
	switch {
	case p.done != nil:
		p.done(ctx, err)
	case p.generation != nil:
		p.generation.circuit.finish(ctx, p, err)
	}
}

// Middleware makes each call of an endpoint with a [Permit] of b, or returns the error of
// Allow. A panic of the endpoint counts as a failure. Middleware panics if b is nil.
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
