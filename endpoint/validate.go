package endpoint

import (
	"context"

	"github.com/sinew-go/sinew/internal/validation"
)

// Validate refuses a request whose own Validate() error method reports a fault, before the
// endpoint sees it. The result is that error if it is a *fault.Error, else
// fault.InvalidArgument with its text. Errors joined with errors.Join are written in one
// line: the first 20 of them, with at most 256 bytes each, since a small request can have
// very many faults. Requests without the method pass.
func Validate() Middleware {
	return func(next Func) Func {
		return func(ctx context.Context, request any) (any, error) {
			if err := validation.Of(request); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}
