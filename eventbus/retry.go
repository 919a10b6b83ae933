package eventbus

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/internal/transient"
)

// RetryPolicy repeats a handler before its event goes back to the bus. Meanwhile this
// member of the group handles no other event. The zero RetryPolicy is the recommended
// one.
type RetryPolicy struct {
	// Attempts is the maximum number of attempts, including the first. The default is 5.
	Attempts int `json:"attempts" yaml:"attempts"`
	// Backoff is the shortest wait before a repeat. Waits are random and grow. The default
	// is 50 ms, or MaxBackoff if that is shorter.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest wait, even if the RetryAfter of an error is longer. The
	// default is 2 s, or Backoff if that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
	// Disabled turns repeats off.
	Disabled bool `json:"disabled" yaml:"disabled"`
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
	if r.Disabled {
		r.Attempts = 1
	}
	backoff.SetDefaults(&r.Backoff, &r.MaxBackoff, 50*time.Millisecond, 2*time.Second)
	return r
}

// Middleware repeats a handler whose error may pass: one that [fault.Judge] calls Failed,
// TimedOut, Unreached, Relayed or Overloaded, except fault.DataLoss. A refusal is
// repeated if it has a RetryAfter and is fault.Aborted, fault.ResourceExhausted or
// unprocessed. Before a repeat Middleware waits at least RetryAfter, but at most
// MaxBackoff. All other errors, and the last one, go to the bus. Middleware panics if the
// policy does not validate.
func (r RetryPolicy) Middleware() endpoint.Middleware {
	if err := r.Validate(); err != nil {
		panic("eventbus.RetryPolicy: " + err.Error())
	}
	r = r.WithDefaults()
	pauses := backoff.Policy{Min: r.Backoff, Max: r.MaxBackoff}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			pause, h := time.Duration(0), handlingOf(ctx)
			for attempt := 1; ; attempt++ {
				if h != nil {
					h.attempts.Store(int32(attempt)) //nolint:gosec // far below the limit
				}
				response, err := next(ctx, request)
				if attempt >= r.Attempts || !transient.Is(ctx, err) {
					return response, err
				}
				pause = pauses.Next(pause)
				if backoff.Wait(ctx, max(pause, min(fault.RetryAfter(err), pauses.Max))) != nil {
					return response, err
				}
			}
		}
	}
}
