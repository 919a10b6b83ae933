package breaker

import (
	"encoding/json"
	"time"
)

// State says which calls are admitted.
type State string

// The states.
const (
	Closed   State = "closed"    // all calls
	Open     State = "open"      // none
	HalfOpen State = "half_open" // probes
)

// Change is one change of state, or the start or end of a forced state: From and To may
// then be the same.
type Change struct {
	Name     string
	From, To State
	Forced   bool // by ForceOpen or ForceClosed
	At       time.Time
	// Missed is how many earlier changes the reader has lost, since it was too slow.
	Missed int
}

// Snapshot is a breaker's state at one moment. Its JSON has the names of the tags below; a
// time that is not set is null.
type Snapshot struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	// State is Open only while calls are refused: a circuit whose time is over is
	// HalfOpen, even if no call was made since.
	State State `json:"state"`
	// Forced says that ForceOpen or ForceClosed has set the state.
	Forced bool `json:"forced,omitempty"`
	// FailureCount is what counts towards opening: the failures in a row if the policy has
	// a failure threshold, otherwise those in the window.
	FailureCount int `json:"failure_count"`
	// SuccessCount is how many probes have succeeded since the circuit became half-open.
	SuccessCount    int        `json:"success_count"`
	LastFailureTime *time.Time `json:"last_failure_time"`
	// LastSuccessTime is at most a millisecond early. For calls that are not timed (of a
	// [Circuit] with a failure threshold, without a caller's deadline) it is the time of
	// the last sample, one success in 16.
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

// Statistics are counts since LastResetTime. Its JSON has the fields' names in snake case,
// and the average as "1.5ms".
type Statistics struct {
	// TotalRequests are the calls that ended, including ignored ones, without refused
	// ones.
	TotalRequests      int64
	SuccessfulRequests int64
	FailedRequests     int64
	// TimeoutRequests is how many of FailedRequests ran out of time.
	TimeoutRequests int64
	// AverageResponseTime is the mean over the successes; of a [Circuit], over the timed
	// ones, at most one in a millisecond.
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
