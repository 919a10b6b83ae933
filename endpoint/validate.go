package endpoint

import (
	"context"

	"github.com/sinew-go/sinew/internal/validation"
)

// Validate refuses a request whose own method Validate() error returns an error, before
// the endpoint sees the request. The result is that error if it has a *fault.Error in its
// chain, else fault.InvalidArgument with the error's text, and a [fault.Violation] for each
// of the errors that are joined with errors.Join: the first 20 of them, in the text with at
// most 256 bytes each, since a small request can have very many faults. A request without
// the method passes.
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
