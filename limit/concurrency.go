package limit

import (
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Concurrency is a policy: how many calls at once. The zero Concurrency is 64,
// with as many waiting.
type Concurrency struct {
	// Max calls run at once; zero is 64.
	Max int `json:"max" yaml:"max"`
	// Queue is how many calls wait for a place; zero is as many as Max. If it is
	// negative there is no queue: a call for which there is no place is refused.
	Queue int `json:"queue" yaml:"queue"`
	// MaxWait is how long a call waits at most; zero is 1 s.
	MaxWait time.Duration `json:"max_wait" yaml:"max_wait"`
	// Disabled lets everything through.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// Middleware is a [ConcurrencyLimiter] of its own with this policy. It panics
// when the policy does not validate.
func (c Concurrency) Middleware() endpoint.Middleware {
	return NewConcurrency("endpoint", c).Middleware()
}

// MarshalJSON writes durations as "1s".
func (c Concurrency) MarshalJSON() ([]byte, error) { return duration.Marshal(c) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (c *Concurrency) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, c) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (c Concurrency) Validate() error {
	var faults []error
	if c.Max < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("max: %d is negative", c.Max))
	}
	if c.MaxWait < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("max_wait: %s is negative", c.MaxWait))
	}
	return errors.Join(faults...)
}

func (c Concurrency) withDefaults() Concurrency {
	if c.Max == 0 {
		c.Max = 64
	}
	if c.Queue == 0 {
		c.Queue = c.Max
	}
	c.Queue = max(c.Queue, -1)
	if c.MaxWait == 0 {
		c.MaxWait = time.Second
	}
	return c
}
