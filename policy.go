package sinew

import (
	"cmp"
	"errors"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

// ClientPolicy configures the calls to another service. The zero ClientPolicy is the
// recommended one.
type ClientPolicy struct {
	// Timeout bounds the whole call, all attempts together; a caller's own
	// earlier deadline has precedence. Zero is 10 s.
	Timeout time.Duration `json:"timeout" yaml:"timeout"`
	// Retry repeats failed attempts.
	Retry retry.Policy `json:"retry" yaml:"retry"`
	// Limit bounds how many attempts are in flight.
	Limit limit.Adaptive `json:"limit" yaml:"limit"`
	// Breaker stops calls to a service that fails.
	Breaker breaker.Policy `json:"breaker" yaml:"breaker"`
	// Balance chooses the instance of each attempt.
	Balance loadbalance.Policy `json:"balance" yaml:"balance"`
}

// MarshalJSON writes the timeout as "10s".
func (p ClientPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It refuses unknown settings.
func (p *ClientPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once.
func (p ClientPolicy) Validate() error {
	var faults []error
	if p.Timeout < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("timeout: %s is negative", p.Timeout))
	}
	for _, part := range []struct {
		name string
		err  error
	}{{"retry", p.Retry.Validate()}, {"limit", p.Limit.Validate()}, {"breaker", p.Breaker.Validate()}, {"balance", p.Balance.Validate()}} {
		if part.err != nil {
			faults = append(faults, fault.InvalidArgument.Errorf("%s: %w", part.name, part.err))
		}
	}
	return errors.Join(faults...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p ClientPolicy) WithDefaults() ClientPolicy {
	p.Timeout = cmp.Or(p.Timeout, 10*time.Second)
	p.Retry = p.Retry.WithDefaults()
	p.Limit = p.Limit.WithDefaults()
	p.Breaker = p.Breaker.WithDefaults()
	p.Balance = p.Balance.WithDefaults()
	return p
}
