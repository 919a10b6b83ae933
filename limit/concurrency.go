package limit

import (
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Concurrency is a policy: how many calls run at once. With the zero Concurrency up to 64
// calls run, and up to 64 wait.
type Concurrency struct {
	// Max is how many calls run at once; zero is 64.
	Max int `json:"max" yaml:"max"`
	// Queue is how many calls may wait; zero is as many as Max. A negative Queue means
	// no queue: a call is refused at once when Max calls run.
	Queue int `json:"queue" yaml:"queue"`
	// MaxWait is how long a call waits at most; zero is 1 s.
	MaxWait time.Duration `json:"max_wait" yaml:"max_wait"`
	// Disabled admits every call.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

const (
	// defaultConcurrency is enough for 640 calls a second of 100 ms (Little, 1961), and few
	// enough for the memory and the connections of any service.
	defaultConcurrency = 64
	// defaultMaxWait is below the deadline of most callers, so that time is left for the call.
	defaultMaxWait = time.Second
)

// Middleware returns the middleware of a new [ConcurrencyLimiter] with this policy. It
// panics when the policy is invalid.
func (c Concurrency) Middleware() endpoint.Middleware {
	return NewConcurrency("endpoint", c).Middleware()
}

// MarshalJSON writes durations as "1s".
func (c Concurrency) MarshalJSON() ([]byte, error) { return duration.Marshal(c) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (c *Concurrency) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, c) }

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
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

// WithDefaults returns the policy with its defaults filled in, as it is in force. c must
// be valid.
func (c Concurrency) WithDefaults() Concurrency {
	if c.Max == 0 {
		c.Max = defaultConcurrency
	}
	if c.Queue == 0 {
		c.Queue = c.Max
	}
	c.Queue = max(c.Queue, -1)
	if c.MaxWait == 0 {
		c.MaxWait = defaultMaxWait
	}
	return c
}
