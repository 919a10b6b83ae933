package rest

import (
	"context"
	"errors"
	"reflect"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// ranError is the error of a handler that ran: what it called may not have, which
// is no leave to repeat the handler itself.
type ranError struct {
	error
	as *fault.Error
}

// Unwrap keeps the error findable.
func (e *ranError) Unwrap() error { return e.error }

// As gives the fault without the mark before the marked one is found.
func (e *ranError) As(target any) bool {
	at, ok := target.(**fault.Error)
	if ok {
		*at = e.as
	}
	return ok
}

// processed is err without the mark that no handler ran.
func processed(err error) error {
	if err == nil || !fault.IsUnprocessed(err) {
		return err
	}
	as := fault.Error{Code: fault.CodeOf(err)}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		as = *e
	}
	as.Unprocessed = false
	return &ranError{err, &as}
}

var failerType = reflect.TypeFor[interface{ Failed() error }]()

// ran is f as a handler: what it calls has records of its own, and its errors say
// that it ran. A response that counts as an error does so here, before a
// middleware takes it for one.
func ran[Req, Resp any](f endpoint.Endpoint[Req, Resp]) endpoint.Endpoint[Req, Resp] {
	if t := reflect.TypeFor[Resp](); t.Kind() == reflect.Interface || t.Implements(failerType) {
		f = endpoint.FromKit[Req, Resp](f.Kit())
	}
	return func(ctx context.Context, req Req) (Resp, error) {
		if call := endpoint.CallOf(ctx); call != nil && !call.Inbound {
			call.Inbound = true
		}
		resp, err := f(ctx, req)
		return resp, processed(err)
	}
}
