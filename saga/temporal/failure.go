package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/sinew-go/sinew/fault"
)

// failure returns an error of Temporal as a fault, with the name of the saga, and of the run.
func (e *engine) failure(id string, err error) error {
	if err == nil {
		return nil
	}
	if notFound := (*serviceerror.NotFound)(nil); errors.As(err, &notFound) && id != "" {
		return e.program.NotFound(id)
	}
	code, text := codeOf(err), ""
	if missing := (*serviceerror.NamespaceNotFound)(nil); errors.As(err, &missing) {
		code = fault.FailedPrecondition
		text = fmt.Sprintf("the namespace %q does not exist: create it, or set another Namespace in client.Options: ", missing.Namespace)
	}
	if id != "" {
		return code.Errorf("saga %s, run %s: Temporal: %s%w", e.program.Saga, id, text, err)
	}
	return code.Errorf("saga %s: Temporal: %s%w", e.program.Saga, text, err)
}

// codeOf returns the class of an error of the client.
func codeOf(err error) fault.Code {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return fault.Canceled
	}
	if code := fault.CodeOf(err); code != fault.Unknown {
		return code
	}
	if code := fault.Code(serviceerror.ToStatus(err).Code()); code != 0 && code != fault.Unknown {
		return code
	}
	return fault.Unavailable
}

// tooLarge says that a state or an event is.
func (p Policy) tooLarge(what string, size int) string {
	return fmt.Sprintf("the %s has %d bytes of JSON, more than the MaxState %d of the Policy; save large data elsewhere, and its place in the %s",
		what, size, p.MaxState, what)
}
