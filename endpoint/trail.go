package endpoint

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// maxSteps is how many steps are stored of a call that is not explained: the first ones,
// and the last.
const maxSteps = 8

// Trail is the history of a call. It is the error of a call that failed:
//
//	if trail, ok := errors.AsType[*endpoint.Trail](err); ok { ... }
//
// Its cause is the failure itself, which alone decides the error's class and what a caller
// over the wire sees of it. The Trail of an explained call has more details, and exists
// for successes, too; see [Explanation]. It is read-only.
type Trail struct {
	// Operation is what was called, From the calling service, "" if not known.
	Operation Operation
	From      string
	// Start is when the call started, Took how long it took; -1 while it goes on.
	Start time.Time
	Took  time.Duration
	// Limit is how long the call could take: the client's own timeout, or what the
	// caller's deadline left. Zero is no limit.
	Limit time.Duration
	// Ended says what ended the call before it had its answer: a timeout, a deadline, or
	// that the caller gave up, each with its time. It is empty if nothing did.
	Ended string
	// Stopped says why no further attempt followed the last one, if one was possible: the
	// policy's attempts are used up, the retry budget is spent, or no time was left. It is
	// empty if the failure itself is the reason, such as an answer that is the same each
	// time.
	Stopped string
	// Steps are the attempts, in the order in which they ended.
	Steps []Step
	// Dropped is how many steps are left out before the last one: of a call that is not
	// explained, 8 are stored.
	Dropped int
	// Err is the failure; nil for a success.
	Err error

	first [1]Step
}

// Step is one attempt of a call. Attempts that were refused before they reached an
// instance are included.
type Step struct {
	// Attempt counts from 1. A hedge has the number after that of the attempt that it runs
	// beside.
	Attempt int
	// Instance is the id of the called instance, "" if none was called.
	Instance string
	// Began is when the attempt started, since the start of the call; the time between two
	// attempts is a wait. Took is how long the attempt took.
	Began, Took time.Duration
	// Err is how it failed; nil if it did not.
	Err error
	// Situation is the state that decided about the attempt; nil unless the call is
	// explained.
	Situation *Situation
}

// Situation is what a client knew when it made an attempt.
type Situation struct {
	// Breaker is the breaker's state.
	Breaker string `json:"breaker,omitempty"`
	// Limit is how many attempts could be in flight at once; zero means any number.
	// Running is how many were.
	Limit   int `json:"limit"`
	Running int `json:"running"`
	// Budget is how many repeats the retry budget would have allowed at once.
	Budget float64 `json:"budget"`
	// Candidates are the instances to choose from.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is an instance that could be chosen for an attempt.
type Candidate struct {
	ID string `json:"id"`
	// InFlight is how many attempts of this client were in flight there.
	InFlight int `json:"in_flight"`
	// Latency is how long an attempt there is expected to take, in seconds; 0 if not
	// known.
	Latency float64 `json:"latency_seconds"`
	// Cost is what the balancer compares: it uses the lowest of those drawn. 0 if it does
	// not compare costs.
	Cost float64 `json:"cost,omitempty"`
	// Excluded says why the instance was to be used only if no other could be: "ejected",
	// "probation" or "tried"; else it is empty.
	Excluded string `json:"excluded,omitempty"`
}

// Error returns the text for a log: the failure's own text, and the attempts. It omits the
// error of an attempt if the failure's text contains it.
func (t *Trail) Error() string {
	if t.Err == nil {
		return "no failure"
	}
	own := t.Err.Error()
	var b strings.Builder
	b.WriteString(own)
	before := " ("
	part := func(text string) {
		b.WriteString(before)
		b.WriteString(text)
		before = "; "
	}
	if t.Ended != "" {
		part(t.Ended)
	}
	for i, s := range t.Steps {
		if t.Dropped > 0 && i == len(t.Steps)-1 {
			part(fmt.Sprintf("%d more", t.Dropped))
		}
		part(s.text(own))
	}
	if t.Stopped != "" {
		part("no further attempt: " + t.Stopped)
	}
	if before != " (" {
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the failure.
func (t *Trail) Unwrap() error { return t.Err }

// MarshalJSON writes the trail with durations as "1.5ms" and errors as their text
// and code.
func (t *Trail) MarshalJSON() ([]byte, error) {
	return duration.Marshal(struct {
		Service   string        `json:"service,omitempty"`
		Operation string        `json:"operation,omitempty"`
		From      string        `json:"from,omitempty"`
		Start     time.Time     `json:"start"`
		Took      time.Duration `json:"took"`
		Limit     time.Duration `json:"limit,omitempty"`
		Ended     string        `json:"ended,omitempty"`
		Stopped   string        `json:"stopped,omitempty"`
		Steps     []Step        `json:"steps"`
		Dropped   int           `json:"dropped,omitempty"`
		Code      string        `json:"code"`
		Error     string        `json:"error,omitempty"`
	}{
		t.Operation.Service, t.Operation.Name, t.From, t.Start, t.Took, t.Limit, t.Ended, t.Stopped, t.Steps, t.Dropped,
		fault.CodeOf(t.Err).String(), errorText(t.Err),
	})
}

// MarshalJSON writes the step as [Trail.MarshalJSON] does.
func (s Step) MarshalJSON() ([]byte, error) {
	return duration.Marshal(struct {
		Attempt   int           `json:"attempt"`
		Instance  string        `json:"instance,omitempty"`
		Began     time.Duration `json:"began"`
		Took      time.Duration `json:"took"`
		Code      string        `json:"code"`
		Error     string        `json:"error,omitempty"`
		Situation *Situation    `json:"situation,omitempty"`
	}{s.Attempt, s.Instance, s.Began, s.Took, fault.CodeOf(s.Err).String(), errorText(s.Err), s.Situation})
}

// text returns the step in words. It omits an error whose text is in known.
func (s Step) text(known string) string {
	text := fmt.Sprintf("attempt %d", s.Attempt)
	if s.Instance == "" {
		text += ": refused"
	} else {
		text += ": " + s.Instance
	}
	if s.Took > 0 {
		text += " after " + rounded(s.Took)
	}
	if s.Err != nil && !strings.Contains(known, s.Err.Error()) {
		text += ": " + errorText(s.Err)
	}
	return text
}

// errorText returns the text of an error, at most 500 bytes of it.
func errorText(err error) string {
	const maxBytes = 500
	if err == nil {
		return ""
	}
	text := err.Error()
	if len(text) > maxBytes {
		text = strings.ToValidUTF8(text[:maxBytes], "") + "…"
	}
	return text
}

// rounded returns d with about three digits.
func rounded(d time.Duration) string {
	for unit := time.Second; unit > 1; unit /= 1000 {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// trailRecord is the trail of a call while that goes on. Attempts that run at the same
// time share it.
type trailRecord struct {
	mu    sync.Mutex
	trail *Trail // nil while there is nothing to record
}

// attachTrail gives a new record its trail. The record of a second attempt shares the
// trail of its call, and a call that is being served has none.
func (c *Call) attachTrail(r *trailRecord) {
	if c.trail == nil && !c.Inbound {
		c.trail = r
	}
}

// ensure returns the trail, and makes it first if there is none. The caller holds the
// lock.
func (r *trailRecord) ensure(c *Call) *Trail {
	if r.trail == nil {
		t := &Trail{Operation: c.Operation, From: c.From, Start: c.Start, Took: -1}
		if !c.Deadline.IsZero() {
			t.Limit = c.Deadline.Sub(c.Start)
		}
		t.Steps = t.first[:0]
		r.trail = t
	}
	return r.trail
}

// snapshot returns a copy of the trail.
func (r *trailRecord) snapshot() Trail {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.trail
	t.Steps = append(make([]Step, 0, len(t.Steps)), t.Steps...)
	return t
}

// Explained reports whether the call is explained: then each attempt is to be added with
// its [Situation], and else only those that fail.
func (c *Call) Explained() bool {
	if c.Why != nil {
		c.startTrail()
	}
	return c.Why != nil
}

// startTrail adds the call to its explanation, once.
func (c *Call) startTrail() {
	if c.trail == nil {
		c.trail = &trailRecord{}
	}
	c.trail.mu.Lock()
	wasStarted := c.trail.trail != nil
	_ = c.trail.ensure(c)
	c.trail.mu.Unlock()
	if !wasStarted {
		c.Why.add(c.trail)
	}
}

// Note adds an attempt that has ended to the trail.
func (c *Call) Note(s Step) {
	if c.trail == nil {
		c.trail = &trailRecord{}
	}
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	t := c.trail.ensure(c)
	if len(t.Steps) < maxSteps || c.Why != nil {
		t.Steps = append(t.Steps, s)
		return
	}
	t.Steps[maxSteps-1] = s
	t.Dropped++
}

// Stop records why no further attempt follows, as in [Trail.Stopped], if an attempt was
// added before. The latest reason counts.
func (c *Call) Stop(why string) {
	if c.trail == nil {
		return
	}
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	if c.trail.trail != nil {
		c.trail.trail.Stopped = why
	}
}

// End records how the call ended: err is its failure, and ended says what prevented its
// answer, as in [Trail]. It returns the trail, which is not nil. Whoever made the record
// calls it once, when no attempt goes on.
func (c *Call) End(err error, ended string) *Trail {
	if c.trail == nil {
		c.trail = &trailRecord{}
	}
	c.Explained() // adds a call without attempts to its explanation
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	t := c.trail.ensure(c)
	t.Took, t.Err, t.Ended = time.Since(t.Start), err, ended
	return t
}
