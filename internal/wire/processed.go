package wire

import (
	"context"
	"errors"
	"reflect"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// processedError is the error of a handler that ran. Something that the handler called may
// not have run, but that does not make it safe to repeat the handler itself.
type processedError struct {
	error
	fault *fault.Error
}

// Unwrap returns the error as the handler gave it.
func (e *processedError) Unwrap() error { return e.error }

// As gives errors.As the fault without the mark, before it finds the marked one.
func (e *processedError) As(target any) bool {
	at, ok := target.(**fault.Error)
	if ok {
		*at = e.fault
	}
	return ok
}

// MarkProcessed returns err without the mark that no handler ran.
func MarkProcessed(err error) error {
	if err == nil || !fault.IsUnprocessed(err) {
		return err
	}
	unmarked := fault.Error{Code: fault.CodeOf(err)}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		unmarked = *e
	}
	unmarked.Unprocessed = false
	return &processedError{err, &unmarked}
}

var failerType = reflect.TypeFor[interface{ Failed() error }]()

// Handler returns f as a handler: the calls that it makes have records of their
// own, and its errors say that it ran. A response that counts as an error becomes an error
// here, before a middleware sees it.
func Handler[Req, Resp any](f endpoint.Endpoint[Req, Resp]) endpoint.Endpoint[Req, Resp] {
	if t := reflect.TypeFor[Resp](); t.Kind() == reflect.Interface || t.Implements(failerType) {
		f = endpoint.FromKit[Req, Resp](f.Kit())
	}
	return func(ctx context.Context, req Req) (Resp, error) {
		if r := call.Of(ctx); r != nil && !r.Inbound {
			r.Inbound = true
		}
		resp, err := f(ctx, req)
		return resp, MarkProcessed(err)
	}
}
