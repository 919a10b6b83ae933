package breaker

import (
	"encoding/json"
	"time"
)

// State is the state of a breaker: it says which calls are admitted.
type State string

// The states, each with the calls that it admits.
const (
	Closed   State = "closed"    // all calls
	Open     State = "open"      // no call
	HalfOpen State = "half_open" // a few probes
)

// Change is one change of state, or the start or end of a forced state: From and To may
// then be the same.
type Change struct {
	// Name is the name of the circuit.
	Name     string
	From, To State
	Forced   bool // whether ForceOpen or ForceClosed has set the state To
	At       time.Time
	// Missed is how many earlier changes the reader has lost, since it was too slow.
	Missed int
}

// Snapshot is a breaker's state at one moment. Its JSON has the names of the struct tags
// below; a time that is not set is null.
type Snapshot struct {
	// ID and Service of a [Circuit] are both its name.
	ID      string `json:"id"`
	Service string `json:"service"`
	// State is Open only while calls are refused. It is HalfOpen from the moment at which
	// the circuit would admit a probe, even if no call is made.
	State State `json:"state"`
	// Forced says that ForceOpen or ForceClosed has set the state.
	Forced bool `json:"forced,omitempty"`
	// FailureCount is the number of failures that count towards opening: those in a row if
	// the policy has a FailureThreshold, otherwise those in the Window.
	FailureCount int `json:"failure_count"`
	// SuccessCount is how many probes have succeeded since the circuit became half-open.
	SuccessCount    int        `json:"success_count"`
	LastFailureTime *time.Time `json:"last_failure_time"`
	// LastSuccessTime is at most a millisecond early. If successes are not all timed (in a
	// [Circuit] with a FailureThreshold, for callers without a deadline), it is the time of
	// the last one that was, one in 16.
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

// Statistics are counts since LastResetTime, which is when the breaker was made. Their JSON
// has the fields' names in snake case, and the average as "1.5ms".
type Statistics struct {
	// TotalRequests is the number of admitted calls that have ended, including those whose
	// result is ignored.
	TotalRequests      int64
	SuccessfulRequests int64
	FailedRequests     int64
	// TimeoutRequests is how many of FailedRequests ran out of time.
	TimeoutRequests int64
	// AverageResponseTime is the mean duration of the successes. A [Circuit] takes the mean
	// over timed successes, at most one in a millisecond.
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
