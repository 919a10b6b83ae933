package endpoint

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
)

// maxSteps is how many steps of a call are kept that nobody asked to explain:
// the first ones, and the last.
const maxSteps = 8

// Trail is what a call went through. It is the error of a call that failed:
//
//	if trail, ok := errors.AsType[*endpoint.Trail](err); ok { ... }
//
// with the failure itself as its cause, which alone decides the error's class and
// what a caller over the wire sees of it. The Trail of a call that is explained
// tells more, and is there for successes, too; see [Explanation]. It is read-only.
type Trail struct {
	// Operation is what was called, From the service that called, "" if not known.
	Operation Operation
	From      string
	// Start is when the call began, Took how long it took; -1 while it goes on.
	Start time.Time
	Took  time.Duration
	// Limit is how long the call could take: the client's own timeout, or what
	// the caller's deadline left. Zero is no limit.
	Limit time.Duration
	// Ended says what ended the call before it had its answer: a timeout, a
	// deadline, or that the caller gave up, each with its time. Empty is nothing.
	Ended string
	// Stopped says why no further attempt followed the last one where another could
	// have: the attempts of the policy are used up, the retry budget is spent, there
	// was no time for one. Empty where the failure itself says so, as an answer that
	// is the same each time does.
	Stopped string
	// Steps are the attempts, in the order in which they ended.
	Steps []Step
	// Dropped are the steps left out before the last one: of a call that is not
	// explained 8 are kept.
	Dropped int
	// Err is the failure; nil of a success.
	Err error

	first [1]Step
}

// Step is one attempt of a call, those included that were refused before they
// reached an instance.
type Step struct {
	// Attempt counts from 1. A hedge has the number after the attempt that it
	// runs beside.
	Attempt int
	// Instance is the id of the instance that was asked, "" when none was.
	Instance string
	// Began is when the attempt started, since the start of the call; what lies between an
	// attempt and the one before is a wait. Took is how long it took.
	Began, Took time.Duration
	// Err is how it failed; nil when it did not.
	Err error
	// Situation is what the attempt was decided by; nil unless the call is
	// explained.
	Situation *Situation
}

// Situation is what a client knew when it made an attempt.
type Situation struct {
	// Breaker is the breaker's state.
	Breaker string `json:"breaker,omitempty"`
	// Limit is how many attempts could be under way at once, zero that any
	// number could, and Running how many were.
	Limit   int `json:"limit"`
	Running int `json:"running"`
	// Budget is how many repeats the retry budget allowed at once.
	Budget float64 `json:"budget"`
	// Candidates are the instances that there were to choose from.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is an instance that could be chosen for an attempt.
type Candidate struct {
	ID string `json:"id"`
	// InFlight are the attempts under way there, of this client.
	InFlight int `json:"in_flight"`
	// Latency is what an attempt there is expected to take, in seconds; 0 when
	// not known.
	Latency float64 `json:"latency_seconds"`
	// Cost is what the balancer compares, where it compares costs: the lowest of
	// those drawn is taken. 0 where it does not.
	Cost float64 `json:"cost,omitempty"`
	// Excluded says why it was to be used only in need, "ejected", "probation"
	// or "tried"; empty is that nothing spoke against it.
	Excluded string `json:"excluded,omitempty"`
}

// Error is the text for a log: the failure's own, and the attempts. An attempt
// whose error is in the failure's own text is listed without it.
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

// Unwrap is the failure.
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
		fault.CodeOf(t.Err).String(), said(t.Err),
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
	}{s.Attempt, s.Instance, s.Began, s.Took, fault.CodeOf(s.Err).String(), said(s.Err), s.Situation})
}

// text is the step in words, without its error where that is known.
func (s Step) text(known string) string {
	text := fmt.Sprintf("attempt %d", s.Attempt)
	if s.Instance == "" {
		text += ": refused"
	} else {
		text += ": " + s.Instance
	}
	if s.Took > 0 {
		text += " after " + brief(s.Took)
	}
	if s.Err != nil && !strings.Contains(known, s.Err.Error()) {
		text += ": " + said(s.Err)
	}
	return text
}

// said is the text of an error, cut where it is long.
func said(err error) string {
	const longest = 500
	if err == nil {
		return ""
	}
	text := err.Error()
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// brief is d to about three digits.
func brief(d time.Duration) string {
	for unit := time.Second; unit > 1; unit /= 1000 {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// record is the trail of a call while that goes on. Attempts that run at the same
// time share it.
type record struct {
	mu    sync.Mutex
	trail *Trail // nil while there is nothing to tell
}

// keep says where the trail of a call goes whose record has just been made. A twin
// has that of its call, and who answers a call makes none.
func (c *Call) keep(r *record) {
	if c.record == nil && !c.Inbound {
		c.record = r
	}
}

// told is the trail, made when there is something to tell. The lock is held.
func (r *record) told(c *Call) *Trail {
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

// copied is the trail as it is now.
func (r *record) copied() Trail {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.trail
	t.Steps = append(make([]Step, 0, len(t.Steps)), t.Steps...)
	return t
}

// Explained reports whether somebody wants to know why the call goes as it does:
// then each attempt is noted with its [Situation], and else only those that fail.
func (c *Call) Explained() bool {
	if c.Why != nil {
		c.begin()
	}
	return c.Why != nil
}

// begin makes the call known to whom wants it explained.
func (c *Call) begin() {
	if c.record == nil {
		c.record = &record{}
	}
	c.record.mu.Lock()
	begun := c.record.trail != nil
	_ = c.record.told(c)
	c.record.mu.Unlock()
	if !begun {
		c.Why.add(c.record)
	}
}

// Note records an attempt that has ended.
func (c *Call) Note(s Step) {
	if c.record == nil {
		c.record = &record{}
	}
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	t := c.record.told(c)
	if len(t.Steps) < maxSteps || c.Why != nil {
		t.Steps = append(t.Steps, s)
		return
	}
	t.Steps[maxSteps-1] = s
	t.Dropped++
}

// Stop records why no further attempt follows, as in [Trail.Stopped], in a call of
// which an attempt was noted. The latest reason counts.
func (c *Call) Stop(why string) {
	if c.record == nil {
		return
	}
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	if c.record.trail != nil {
		c.record.trail.Stopped = why
	}
}

// End records how the call ended: err is its failure, ended what kept it from
// its answer, as in [Trail]. It returns the trail, which is not nil. Whoever made
// the record calls it once, when no attempt goes on.
func (c *Call) End(err error, ended string) *Trail {
	if c.record == nil {
		c.record = &record{}
	}
	c.Explained() // it may have had no attempt
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	t := c.record.told(c)
	t.Took, t.Err, t.Ended = time.Since(t.Start), err, ended
	return t
}
