package temporal

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Policy is how a [Runner] works. The zero Policy is the recommended one.
type Policy struct {
	// Lease is how long after the death of a worker another one calls its steps again. The
	// default is 10 s, the minimum 1 s.
	Lease time.Duration `json:"lease" yaml:"lease"`
	// Concurrency is how many steps this process runs at once, of each version. The default
	// is 100.
	Concurrency int `json:"concurrency" yaml:"concurrency"`
	// MaxState is how many bytes of JSON a state may have, and an event. Temporal refuses
	// more than 2 MB, and 4 MB for all branches that begin at once. The default is 256 KiB.
	MaxState int `json:"max_state" yaml:"max_state"`
	// Worker names this process in histories. The default is the host's name and the
	// process's number.
	Worker string `json:"worker" yaml:"worker"`
	// Logger is the logger. The default is slog.Default().
	Logger *slog.Logger `json:"-" yaml:"-"`
	// DataConverter is that of the client, if its options have one, such as one that encrypts.
	DataConverter converter.DataConverter `json:"-" yaml:"-"`
}

const (
	// minLease is the shortest lease.
	minLease = time.Second
	// longestBeat is the longest time between two heartbeats of a step. Their answers say that
	// its context has ended.
	longestBeat = time.Second
	// maxMaxState is what a server of Temporal accepts by default, less what is around a state.
	maxMaxState = 1900 << 10
)

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
	if p.Concurrency < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("concurrency: %d is negative", p.Concurrency))
	}
	if p.MaxState < 0 || p.MaxState > maxMaxState {
		faults = append(faults, fault.InvalidArgument.Errorf("max_state: %d is not between 1 and %d", p.MaxState, maxMaxState))
	}
	return errors.Join(faults...)
}

// beat is the time between two heartbeats of a step.
func (p Policy) beat() time.Duration { return min(p.Lease/3, longestBeat) }

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p Policy) WithDefaults() Policy {
	p.Lease = cmp.Or(p.Lease, 10*time.Second)
	p.Concurrency = cmp.Or(p.Concurrency, 100)
	p.MaxState = cmp.Or(p.MaxState, 256<<10)
	p.Logger = cmp.Or(p.Logger, slog.Default())
	if p.DataConverter == nil {
		p.DataConverter = converter.GetDefaultDataConverter()
	}
	if p.Worker == "" {
		host, _ := os.Hostname() // without one the number has to suffice
		p.Worker = host + "/" + strconv.Itoa(os.Getpid())
	}
	return p
}
