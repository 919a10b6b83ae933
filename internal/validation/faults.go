package validation

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// How much of a request's faults a refusal shows.
const (
	maxFaults     = 20
	maxFaultBytes = 256 // bytes, in the message
)

// Faults are the faults of one request: the first 20 of them, and how many more there are.
// The zero value has none.
type Faults struct {
	violations []fault.Violation
	texts      []string // of the violations, for the message
	total      int
	isOpenEnd  bool
}

// Add adds a fault.
func (all *Faults) Add(v fault.Violation) { all.add(v.Error(), v) }

// AddError adds err, or each error that is joined in it. Each line of a text is a fault,
// unless err is a [fault.Violation].
func (all *Faults) AddError(err error) {
	if reflect.TypeOf(err) == joinErrorType {
		for _, part := range err.(interface{ Unwrap() []error }).Unwrap() {
			all.AddError(part)
		}
		return
	}
	if all.IsFull() {
		all.total++
		return
	}
	if v, ok := errors.AsType[fault.Violation](err); ok {
		all.add(err.Error(), v)
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		all.add(text, fault.Violation{Detail: ellipsis.Cut(text, maxFaultBytes)})
	}
}

var joinErrorType = reflect.TypeOf(errors.Join(context.Canceled))

func (all *Faults) add(text string, v fault.Violation) {
	if all.total++; !all.IsFull() {
		all.texts, all.violations = append(all.texts, ellipsis.Cut(text, maxFaultBytes)), append(all.violations, v)
	}
}

// Len returns how many faults were added.
func (all *Faults) Len() int { return all.total }

// IsFull reports whether further faults are only counted.
func (all *Faults) IsFull() bool { return len(all.violations) == maxFaults }

// Break says that the search for faults has ended before all were found.
func (all *Faults) Break() { all.isOpenEnd = true }

// String returns all faults in one line, each with at most 256 bytes.
func (all *Faults) String() string {
	text := strings.Join(all.texts, "; ")
	switch more := all.total - len(all.violations); {
	case all.isOpenEnd:
		text += "; and more"
	case more > 0:
		text += "; and " + strconv.Itoa(more) + " more"
	}
	return text
}

// Err returns fault.InvalidArgument with all faults, nil if there are none. Its message is
// that of String.
func (all *Faults) Err() error {
	if all.total == 0 {
		return nil
	}
	err := fault.InvalidArgument.Errorf("%s", all.String())
	err.Violations = all.violations
	return err
}
