// Package validation asks a request whether it is valid, for endpoint.Validate and for the
// routes of transport/rest.
package validation

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// Of returns what a request's own Validate() error method reports: a *fault.Error as it is,
// and else fault.InvalidArgument with its text. Errors joined with errors.Join are written
// in one line: the first 20 of them, with at most 256 bytes each. It is nil for a request
// without the method.
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
	var all faults
	all.add(err)
	return fault.InvalidArgument.Errorf("%s", all.String())
}

// How much of a request's faults a refusal shows.
const (
	maxFaults     = 20
	maxFaultBytes = 256 // bytes
)

// faults are the faults of one request; the first ones with their text.
type faults struct {
	texts []string
	total int
}

var joinErrorType = reflect.TypeOf(errors.Join(context.Canceled))

// add adds err, or each error that is joined in it.
func (all *faults) add(err error) {
	if reflect.TypeOf(err) == joinErrorType {
		for _, part := range err.(interface{ Unwrap() []error }).Unwrap() {
			all.add(part)
		}
		return
	}
	if len(all.texts) == maxFaults {
		all.total++
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		if all.total++; len(all.texts) == maxFaults {
			continue
		}
		if len(text) > maxFaultBytes {
			text = strings.ToValidUTF8(text[:maxFaultBytes], "") + "…"
		}
		all.texts = append(all.texts, text)
	}
}

// String returns the stored texts in one line, and how many more there are.
func (all *faults) String() string {
	text := strings.Join(all.texts, "; ")
	if more := all.total - len(all.texts); more > 0 {
		text += "; and " + strconv.Itoa(more) + " more"
	}
	return text
}
