package call

import (
	"fmt"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// Trail is the history of a call. It is the error of a call whose outcome is
// [fault.Failure], and of every call that failed after several attempts:
//
//	if trail, ok := errors.AsType[*call.Trail](err); ok { ... }
//
// [Trail.Unwrap] returns the failure itself, which alone decides the error's class and what
// a caller over the wire sees of it. The Trail of an explained call also has the
// [Situation] of each attempt, and exists for a success as well; see [Explanation]. A Trail
// is read-only.
type Trail struct {
	// Operation is what was called. From is the calling service, "" if it is not known.
	Operation Operation
	From      string
	// Start is when the call started. Took is how long it took, -1 while it goes on.
	Start time.Time
	Took  time.Duration
	// Limit is how long the call could take: the client's own timeout, or what the
	// caller's deadline left. Zero means no limit.
	Limit time.Duration
	// Ended says what ended the call before it had its answer: a timeout, a deadline, or
	// that the caller gave up, each with its time. It is empty if nothing did.
	Ended string
	// Stopped says why no further attempt followed the last one, if one was possible: the
	// policy's attempts are used up, the retry budget is spent, or no time was left. It is
	// empty if the failure itself is the reason, such as an answer that a repeat would get
	// again.
	Stopped string
	// Steps are the attempts, in the order in which they ended.
	Steps []Step
	// Dropped is how many attempts are left out, between the last two Steps: the Trail of a
	// call that is not explained stores the first 7 attempts and the last one.
	Dropped int
	// Err is the failure; nil for a success.
	Err error
}

// Step is one attempt of a call. Attempts that were refused before they reached an
// instance are included.
type Step struct {
	// Attempt is the number of the attempt, from 1. A hedge has the next number after that
	// of the attempt beside which it runs.
	Attempt int
	// Instance is the id of the called instance, "" if none was called.
	Instance string
	// Began is the time from the start of the call to the start of the attempt. Took is how
	// long the attempt took. The time between two attempts is a wait.
	Began, Took time.Duration
	// Err is why the attempt failed; nil if it did not.
	Err error
	// Situation is what the client knew when it made the attempt; nil unless the call is
	// explained.
	Situation *Situation
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

// MarshalJSON writes the trail with durations as "1.5ms", and errors as their code and at
// most 500 bytes of their text.
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
	return ellipsis.Cut(err.Error(), maxBytes)
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
