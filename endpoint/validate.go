package endpoint

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// Validate refuses a request whose own Validate() error method reports a
// fault, before the endpoint sees it: with that error where it is a
// *fault.Error, else with fault.InvalidArgument and its text. Errors that were put
// together with errors.Join are in one line, the first 20 of them, and each has 256
// bytes at most: a small request can have a great many faults. Requests without the
// method pass.
func Validate() Middleware {
	return func(next Func) Func {
		return func(ctx context.Context, request any) (any, error) {
			if err := ValidateRequest(request); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}

// ValidateRequest is what [Validate] asks of one request.
func ValidateRequest(request any) error {
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

// What a refusal says of the faults of a request.
const (
	maxFaults = 20
	maxFault  = 256 // bytes
)

// faults are those of one request, the first ones with their text.
type faults struct {
	texts []string
	count int
}

var joined = reflect.TypeOf(errors.Join(context.Canceled))

// add takes in err, or what was joined to it.
func (all *faults) add(err error) {
	if reflect.TypeOf(err) == joined {
		for _, part := range err.(interface{ Unwrap() []error }).Unwrap() {
			all.add(part)
		}
		return
	}
	if len(all.texts) == maxFaults {
		all.count++
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		if all.count++; len(all.texts) == maxFaults {
			continue
		}
		if len(text) > maxFault {
			text = strings.ToValidUTF8(text[:maxFault], "") + "…"
		}
		all.texts = append(all.texts, text)
	}
}

// String is all that is said, in one line.
func (all *faults) String() string {
	text := strings.Join(all.texts, "; ")
	if more := all.count - len(all.texts); more > 0 {
		text += "; and " + strconv.Itoa(more) + " more"
	}
	return text
}
