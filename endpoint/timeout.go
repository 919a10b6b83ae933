package endpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// Timeout limits every call to d, or to the time until the caller's own deadline if that
// is shorter. It panics unless d is positive.
//
// The limit is the deadline of the context that the endpoint gets. The call returns when
// the endpoint does, so an endpoint that ignores its context may take longer. If the limit
// ends the call, the error is fault.DeadlineExceeded and names the limit. If the caller's
// own deadline ends it, the error is that of the endpoint.
func Timeout(d time.Duration) Middleware {
	if d <= 0 {
		panic(fmt.Sprintf("endpoint.Timeout: %s is no time to wait; give a positive duration", d))
	}
	return func(next Func) Func {
		return func(ctx context.Context, request any) (any, error) {
			until := time.Now().Add(d)
			if own, ok := ctx.Deadline(); ok && !own.After(until) {
				return next(ctx, request) // the caller's limit is earlier
			}
			limited := deadline.With(ctx, until)
			defer limited.Stop()
			response, err := next(limited, request)
			if err != nil && limited.Err() != nil && ctx.Err() == nil {
				switch fault.CodeOf(err) {
				case fault.Canceled, fault.DeadlineExceeded:
					err = fault.DeadlineExceeded.Errorf("no answer within the timeout of %s", d).WithCause(err)
				}
			}
			return response, err
		}
	}
}
