package saga

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Policy is how a [Local] works. The zero Policy is the recommended one.
type Policy struct {
	// Lease is how long after the death of a worker another one takes over its runs. The
	// default is 10 s, the minimum 1 s.
	Lease time.Duration `json:"lease" yaml:"lease"`
	// Poll is how often a worker asks for runs that are due, and for messages that another
	// process has sent. The default is 1 s.
	Poll time.Duration `json:"poll" yaml:"poll"`
	// Concurrency is how many runs this process works on at once, of those of which a step
	// runs. The default is 100.
	Concurrency int `json:"concurrency" yaml:"concurrency"`
	// Worker names this process in histories. The default is the host's name and the
	// process's number.
	Worker string `json:"worker" yaml:"worker"`
	// Logger is the logger. The default is slog.Default().
	Logger *slog.Logger `json:"-" yaml:"-"`
}

// minLease is the shortest lease. It is renewed three times as often.
const minLease = time.Second

// MarshalJSON writes durations as strings such as "1s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	if p.Lease != 0 && p.Lease < minLease {
		faults = append(faults, fault.InvalidArgument.Errorf("lease: %s is shorter than %s", p.Lease, minLease))
	}
	if p.Poll < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("poll: %s is negative", p.Poll))
	}
	if p.Concurrency < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("concurrency: %d is negative", p.Concurrency))
	}
	return errors.Join(faults...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p Policy) WithDefaults() Policy {
	p.Lease = cmp.Or(p.Lease, 10*time.Second)
	p.Poll = cmp.Or(p.Poll, time.Second)
	p.Concurrency = cmp.Or(p.Concurrency, 100)
	p.Logger = cmp.Or(p.Logger, slog.Default())
	if p.Worker == "" {
		host, _ := os.Hostname() // without one the number has to suffice
		p.Worker = host + "/" + strconv.Itoa(os.Getpid())
	}
	return p
}
