// Package validation asks a request whether it is valid, and collects what is wrong with
// it, for endpoint.Validate and for the routes of transport/rest.
package validation

import (
	"errors"

	"github.com/sinew-go/sinew/fault"
)

// Of returns what a request's own Validate() error method reports: a *fault.Error as it is,
// and else fault.InvalidArgument with a violation for each error that is joined with
// errors.Join: see [Faults]. It is nil for a request without the method.
func Of(request any) error {
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
	var all Faults
	all.AddError(err)
	return all.Err()
}
