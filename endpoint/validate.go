package endpoint

import (
	"context"
	"errors"
	"strings"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/fault"
)

// Validate refuses a request whose own Validate() error method reports a
// fault, before the endpoint sees it: with that error where it is a
// *fault.Error, else with fault.InvalidArgument and its text, joined errors in
// one line. Requests without the method pass.
func Validate() Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if err := Check(request); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}

// Check is what [Validate] asks of one request.
func Check(request any) error {
	v, ok := request.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := v.Validate()
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.InvalidArgument.Errorf("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
}
