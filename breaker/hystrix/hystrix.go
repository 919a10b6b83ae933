// Package hystrix is the circuit of afex/hystrix-go, a port of Netflix' Hystrix, as a
// breaker.Breaker, for users who have dashboards and settings for it:
//
//	ep = ep.With(hystrix.New("orders", hystrix.Policy{}).Middleware())
//
// # Guarantees and limits
//
// The error of a refusal is that of every breaker: fault.Unavailable with reason
// breaker_open, Unprocessed. fault.Judge decides what counts as a failure, as for
// breaker.Circuit, but fault.Expired never counts.
//
// Everything else is as in hystrix-go. Its circuits and their settings are global, by name:
// two circuits with one name open and close together. Each has goroutines that never end.
// Results take effect a moment after Done, in real time. A circuit admits one probe per
// SleepWindow and closes when one succeeds. A probe that never ends, or whose result is
// ignored, blocks other probes for a SleepWindow. The success of a call that started before
// the circuit opened closes it. breaker.Circuit has none of these limits.
package hystrix

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/afex/hystrix-go/hystrix"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// Policy is the part of hystrix' settings that a breaker needs. The zero Policy has hystrix'
// own defaults.
type Policy struct {
	// RequestVolumeThreshold is how many calls must be in the last 10 s before the
	// percentage applies; zero is 20.
	RequestVolumeThreshold int `json:"request_volume_threshold" yaml:"request_volume_threshold"`
	// ErrorPercentThreshold is the percentage of failures in the last 10 s that opens the
	// circuit; zero is 50.
	ErrorPercentThreshold int `json:"error_percent_threshold" yaml:"error_percent_threshold"`
	// SleepWindow is how long the circuit stays open until it admits a probe, in whole
	// milliseconds; zero is 5 s.
	SleepWindow time.Duration `json:"sleep_window" yaml:"sleep_window"`
	// Disabled admits every call, and continues to count.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// MarshalJSON writes durations as "5s".
func (p Policy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes. It returns an error for unknown settings.
func (p *Policy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (p Policy) Validate() error {
	var faults []error
	if p.RequestVolumeThreshold < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("request_volume_threshold: %d is negative", p.RequestVolumeThreshold))
	}
	if p.ErrorPercentThreshold < 0 || p.ErrorPercentThreshold > 100 {
		faults = append(faults, fault.InvalidArgument.Errorf("error_percent_threshold: %d is not between 0 and 100", p.ErrorPercentThreshold))
	}
	if p.SleepWindow < 0 || p.SleepWindow%time.Millisecond != 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("sleep_window: %s is no whole number of milliseconds", p.SleepWindow))
	}
	return errors.Join(faults...)
}

// Circuit is a circuit of afex/hystrix-go as a [breaker.Breaker]. It is safe for concurrent
// use.
type Circuit struct {
	name     string
	created  time.Time
	circuit  *hystrix.CircuitBreaker
	disabled atomic.Bool

	total, succeeded, failed, timedOut, spent atomic.Int64
	lastSuccess, lastFailure                  atomic.Int64
}

var _ breaker.Breaker = (*Circuit)(nil)

// New returns the circuit of this name and sets its policy. A circuit that New returned for
// the same name gets the policy as well, except for Disabled. New panics when the policy is
// invalid.
func New(name string, p Policy) *Circuit {
	c := &Circuit{name: name, created: time.Now()}
	if err := c.Set(p); err != nil {
		panic("hystrix.New(" + name + "): " + err.Error())
	}
	c.circuit, _, _ = hystrix.GetCircuit(name) // its error is always nil
	return c
}

// Set replaces the policy of all circuits with this name, but Disabled of c only. For an
// invalid policy it returns an error and changes nothing.
func (c *Circuit) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	c.disabled.Store(p.Disabled)
	hystrix.ConfigureCommand(c.name, hystrix.CommandConfig{
		RequestVolumeThreshold: p.RequestVolumeThreshold,
		ErrorPercentThreshold:  p.ErrorPercentThreshold,
		SleepWindow:            int(p.SleepWindow / time.Millisecond),
	})
	return nil
}

// Allow implements breaker.Breaker.
func (c *Circuit) Allow(context.Context) (breaker.Permit, error) {
	if !c.disabled.Load() && !c.circuit.AllowRequest() {
		return breaker.Permit{}, fault.Unavailable.Errorf("the breaker of %s is open", c.name).
			WithReason(fault.ReasonBreakerOpen).WithRetryAfter(c.settings().SleepWindow).WithUnprocessed()
	}
	start := time.Now()
	return breaker.NewPermit(func(ctx context.Context, err error) { c.finish(ctx, start, err) }), nil
}

// Middleware makes each call of an endpoint with a permit of the circuit, or returns the
// error of Allow. A panic of the endpoint counts as a failure.
func (c *Circuit) Middleware() endpoint.Middleware { return breaker.Middleware(c) }

// Snapshot implements breaker.Breaker. Half-open appears as open, and FailureCount counts
// since New.
func (c *Circuit) Snapshot() breaker.Snapshot {
	s := breaker.Snapshot{ID: c.name, Service: c.name, State: breaker.Closed, FailureCount: int(c.failed.Load())}
	if c.circuit.IsOpen() {
		s.State = breaker.Open
	}
	s.Config = breaker.ConfigView{SuccessThreshold: 1, Timeout: c.settings().SleepWindow, MaxRequests: 1}
	s.Statistics = breaker.Statistics{
		TotalRequests: c.total.Load(), SuccessfulRequests: c.succeeded.Load(), FailedRequests: c.failed.Load(),
		TimeoutRequests: c.timedOut.Load(), LastResetTime: c.created,
	}
	if n := c.succeeded.Load(); n > 0 {
		s.Statistics.AverageResponseTime = time.Duration(c.spent.Load() / n)
		s.LastSuccessTime = new(time.Unix(0, c.lastSuccess.Load()))
	}
	if c.failed.Load() > 0 {
		s.LastFailureTime = new(time.Unix(0, c.lastFailure.Load()))
	}
	return s
}

func (c *Circuit) finish(ctx context.Context, start time.Time, err error) {
	took := time.Since(start)
	c.total.Add(1)
	event := "success"
	switch v := fault.Judge(ctx, err); v {
	case fault.OK:
		c.spent.Add(int64(took))
		c.lastSuccess.Store(start.Add(took).UnixNano())
		c.succeeded.Add(1)
	case fault.Failed, fault.TimedOut, fault.Unreached:
		event = "failure"
		if v == fault.TimedOut {
			event = "timeout"
			c.timedOut.Add(1)
		}
		c.lastFailure.Store(start.Add(took).UnixNano())
		c.failed.Add(1)
	case fault.Relayed, fault.Overloaded: // the callee is there
		if !c.circuit.IsOpen() {
			return
		}
	case fault.Refused, fault.Expired, fault.Abandoned:
		return
	}
	// Its only error is a full queue of results: this one is then not counted, as in
	// hystrix itself.
	_ = c.circuit.ReportEvent([]string{event}, start, took)
}

func (c *Circuit) settings() *hystrix.Settings { return hystrix.GetCircuitSettings()[c.name] }
