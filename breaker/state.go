package breaker

import (
	"encoding/json"
	"time"
)

// State is whether calls pass.
type State string

// The states.
const (
	Closed   State = "closed"    // calls pass
	Open     State = "open"      // calls are refused
	HalfOpen State = "half_open" // probes pass
)

// Change is one change of state, or the beginning or end of being held in one by
// hand: From and To may then be the same.
type Change struct {
	Name     string
	From, To State
	Forced   bool // held by hand from now on
	At       time.Time
	// Missed is how many changes before this one the reader was too slow for.
	Missed int
}

// Snapshot is a breaker's state at one moment. Its JSON has the names of the tags
// below; a time that there is not yet is null.
type Snapshot struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	// State is Open only as long as calls are refused: a circuit whose time is
	// over is HalfOpen, also when no call has come since.
	State State `json:"state"`
	// Forced says that the state is held by hand.
	Forced bool `json:"forced,omitempty"`
	// FailureCount is what counts towards opening: the failures in a row where
	// the policy has a failure threshold, else those in the window.
	FailureCount int `json:"failure_count"`
	// SuccessCount is the probes that succeeded since the circuit became
	// half-open.
	SuccessCount    int        `json:"success_count"`
	LastFailureTime *time.Time `json:"last_failure_time"`
	// LastSuccessTime is a millisecond early at most. Where a call needs no time
	// taken (a [Circuit] with a failure threshold, its caller without a deadline)
	// it is that of the last sample, one success in 16.
	LastSuccessTime *time.Time `json:"last_success_time"`
	Config          ConfigView `json:"config"`
	Statistics      Statistics `json:"statistics"`
}

// ConfigView is the part of a [Policy] that every breaker has. Its JSON has the names
// failure_threshold, success_threshold, timeout, as in "1s", and max_requests.
type ConfigView struct {
	FailureThreshold int
	SuccessThreshold int
	Timeout          time.Duration
	MaxRequests      int
}

// Statistics are counts since LastResetTime. Its JSON has the fields' names in snake
// case, and the average as "1.5ms".
type Statistics struct {
	// TotalRequests are the calls that ended, ignored ones included; refused
	// calls are not counted.
	TotalRequests      int64
	SuccessfulRequests int64
	FailedRequests     int64
	// TimeoutRequests are the failed requests that ran out of time.
	TimeoutRequests int64
	// AverageResponseTime is over the successes, of a [Circuit] over a sample: of
	// those that were timed, one in a millisecond at most.
	AverageResponseTime time.Duration
	LastResetTime       time.Time
}

type configJSON struct {
	FailureThreshold int    `json:"failure_threshold"`
	SuccessThreshold int    `json:"success_threshold"`
	Timeout          string `json:"timeout"`
	MaxRequests      int    `json:"max_requests"`
}

type statisticsJSON struct {
	TotalRequests       int64     `json:"total_requests"`
	SuccessfulRequests  int64     `json:"successful_requests"`
	FailedRequests      int64     `json:"failed_requests"`
	TimeoutRequests     int64     `json:"timeout_requests"`
	AverageResponseTime string    `json:"average_response_time"`
	LastResetTime       time.Time `json:"last_reset_time"`
}

// MarshalJSON writes the timeout as "1s".
func (c ConfigView) MarshalJSON() ([]byte, error) {
	return json.Marshal(configJSON{c.FailureThreshold, c.SuccessThreshold, c.Timeout.String(), c.MaxRequests})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *ConfigView) UnmarshalJSON(data []byte) error {
	var doc configJSON
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	timeout, err := time.ParseDuration(doc.Timeout)
	*c = ConfigView{doc.FailureThreshold, doc.SuccessThreshold, timeout, doc.MaxRequests}
	return err
}

// MarshalJSON writes the average as "1.5ms".
func (s Statistics) MarshalJSON() ([]byte, error) {
	return json.Marshal(statisticsJSON{
		s.TotalRequests, s.SuccessfulRequests, s.FailedRequests, s.TimeoutRequests, s.AverageResponseTime.String(), s.LastResetTime,
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Statistics) UnmarshalJSON(data []byte) error {
	var doc statisticsJSON
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	average, err := time.ParseDuration(doc.AverageResponseTime)
	*s = Statistics{doc.TotalRequests, doc.SuccessfulRequests, doc.FailedRequests, doc.TimeoutRequests, average, doc.LastResetTime}
	return err
}
