package limit

import (
	"errors"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Adaptive is a policy: how many calls at once, found out by the limiter itself.
// The zero Adaptive serves a client in front of a service as well as a server in
// front of a handler.
type Adaptive struct {
	// Min is the least limit, so that there is always something to learn from. While
	// no more than Min calls are under way there is none, unless the service itself
	// refuses calls for overload. Zero is 5, or Max where that is less.
	Min int `json:"min" yaml:"min"`
	// Max is the greatest limit, in force even where nothing asks for one. Calls that
	// take no place, as they wait for their caller or are old, are not among them.
	// Zero is 1<<20 - 2, which is also the most that Max may be.
	Max int `json:"max" yaml:"max"`
	// Except are the names of operations that are outside of the limit, such as
	// "GET /events": they are neither counted nor refused.
	Except []string `json:"except,omitempty" yaml:"except,omitempty"`
	// Disabled lets everything through.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware is an [AdaptiveLimiter] of its own with this policy. It panics when
// the policy does not validate.
func (a Adaptive) Middleware() endpoint.Middleware { return NewAdaptive("endpoint", a).Middleware() }

// UnmarshalJSON refuses unknown settings.
func (a *Adaptive) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, a) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (a Adaptive) Validate() error {
	var faults []error
	if a.Min < 0 || a.Min > maxTickets {
		faults = append(faults, fault.InvalidArgument.Errorf("min: %d is not between 0 and %d", a.Min, maxTickets))
	}
	if a.Max < 0 || a.Max > maxTickets {
		faults = append(faults, fault.InvalidArgument.Errorf("max: %d is not between 0 and %d", a.Max, maxTickets))
	}
	if a.Max > 0 && a.Max < a.Min {
		faults = append(faults, fault.InvalidArgument.Errorf("max: %d is below min, %d", a.Max, a.Min))
	}
	return errors.Join(faults...)
}

func (a Adaptive) withDefaults() Adaptive {
	if a.Max == 0 {
		a.Max = maxTickets
	}
	if a.Min == 0 {
		a.Min = min(5, a.Max)
	}
	return a
}
