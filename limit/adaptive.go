package limit

import (
	"errors"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Adaptive is a policy: an [AdaptiveLimiter] itself finds out how many calls to admit at
// once. The zero Adaptive suits a client in front of a service as well as a server in front
// of a handler.
type Adaptive struct {
	// Min is the lowest limit: some calls always show whether the callee recovers. No limit
	// starts while at most Min calls are in flight, unless the callee itself refuses calls
	// for overload. Zero is 5, or Max if that is less.
	Min int `json:"min" yaml:"min"`
	// Max is the highest limit. It holds even while there is no overload. Calls that
	// need no room, since they wait for their caller or are old, do not count towards
	// it. Zero is 1<<20 - 2, which is also the highest value allowed.
	Max int `json:"max" yaml:"max"`
	// Except are the names of operations whose calls are neither counted nor refused, such
	// as "GET /events". The name of a call is the Name in its call.Record.
	Except []string `json:"except,omitempty" yaml:"except,omitempty"`
	// Disabled admits every call.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware returns the middleware of a new [AdaptiveLimiter] with this policy. It
// panics when the policy is invalid.
func (a Adaptive) Middleware() endpoint.Middleware { return NewAdaptive("endpoint", a).Middleware() }

// UnmarshalJSON returns an error for unknown settings.
func (a *Adaptive) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, a) }

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (a Adaptive) Validate() error {
	var faults []error
	invalid := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if a.Min < 0 || a.Min > maxInFlight {
		invalid("min: %d is not between 0 and %d", a.Min, maxInFlight)
	}
	if a.Max < 0 || a.Max > maxInFlight {
		invalid("max: %d is not between 0 and %d", a.Max, maxInFlight)
	}
	if a.Max > 0 && a.Max < a.Min {
		invalid("max: %d is below min, %d", a.Max, a.Min)
	}
	return errors.Join(faults...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. a must
// be valid.
func (a Adaptive) WithDefaults() Adaptive {
	if a.Max == 0 {
		a.Max = maxInFlight
	}
	if a.Min == 0 {
		a.Min = min(defaultMin, a.Max)
	}
	return a
}
