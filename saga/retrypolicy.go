package saga

import (
	"cmp"
	"errors"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/duration"
)

// RetryPolicy repeats a step that failed for a reason that may pass: what
// eventbus.RetryPolicy repeats. A refusal, such as fault.FailedPrecondition, begins the
// undoing at once; so does the last attempt. An Undo, and a step behind a pivot, is repeated
// whatever the error is. The waits survive a restart. The zero RetryPolicy is the
// recommended one.
type RetryPolicy struct {
	// Attempts is the maximum number of attempts, including the first. The default is 5.
	Attempts int `json:"attempts" yaml:"attempts"`
	// Backoff is the shortest wait before a repeat. Waits are random and grow. The default
	// is 100 ms, or MaxBackoff if that is shorter.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest wait, even if the RetryAfter of an error is longer. The
	// default is 1 min, or Backoff if that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
}

// MarshalJSON writes durations as strings such as "1s".
func (r RetryPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(r) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (r *RetryPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, r) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (r RetryPolicy) Validate() error {
	var faults []error
	if r.Attempts < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("attempts: %d is negative", r.Attempts))
	}
	return errors.Join(append(faults, backoff.Check(r.Backoff, r.MaxBackoff)...)...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. r must
// be valid.
func (r RetryPolicy) WithDefaults() RetryPolicy {
	r.Attempts = cmp.Or(r.Attempts, 5)
	backoff.SetDefaults(&r.Backoff, &r.MaxBackoff, 100*time.Millisecond, time.Minute)
	return r
}
