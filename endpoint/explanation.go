package endpoint

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// maxCalls is how many calls an explanation keeps.
const maxCalls = 1000

// Explanation is why the calls that were made in one context went as they did, in
// the order in which they started; calls that their handlers made in the same process
// are among them. The first 1,000 are kept. It is safe for concurrent use, and what it
// tells of a call is complete when the call has returned. Make one with
// sinew.Explain.
type Explanation struct {
	mu      sync.Mutex
	calls   []*record
	dropped int
}

// Calls are the trails of the calls so far.
func (e *Explanation) Calls() []Trail {
	e.mu.Lock()
	calls := e.calls
	e.mu.Unlock()
	trails := make([]Trail, len(calls))
	for i, r := range calls {
		trails[i] = r.copied()
	}
	return trails
}

// String is the explanation in sentences, for a reader.
func (e *Explanation) String() string {
	var b strings.Builder
	calls := e.Calls()
	for i := range calls {
		calls[i].describe(&b)
	}
	if more := e.more(); more > 0 {
		fmt.Fprintf(&b, "and %d more calls\n", more)
	}
	return b.String()
}

// MarshalJSON writes {"calls": [...], "dropped": n}.
func (e *Explanation) MarshalJSON() ([]byte, error) {
	calls := e.Calls()
	trails := make([]*Trail, len(calls))
	for i := range calls {
		trails[i] = &calls[i]
	}
	return json.Marshal(struct {
		Calls   []*Trail `json:"calls"`
		Dropped int      `json:"dropped,omitempty"`
	}{trails, e.more()})
}

func (e *Explanation) add(r *record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.calls) >= maxCalls {
		e.dropped++
		return
	}
	e.calls = append(e.calls, r)
}

func (e *Explanation) more() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// describe writes the trail of a call that is explained.
func (t *Trail) describe(b *strings.Builder) {
	fmt.Fprintf(b, "%s of %s", t.Operation.Name, t.Operation.Service)
	switch {
	case t.Took < 0:
		b.WriteString(" goes on")
	case t.Err == nil:
		fmt.Fprintf(b, " was answered after %s", brief(t.Took))
	default:
		fmt.Fprintf(b, " failed after %s: %s", brief(t.Took), said(t.Err))
	}
	if t.Limit > 0 {
		fmt.Fprintf(b, ", of at most %s", brief(t.Limit))
	}
	if t.Ended != "" {
		fmt.Fprintf(b, "; %s", t.Ended)
	}
	b.WriteByte('\n')
	over, known := time.Duration(0), ""
	if t.Err != nil {
		known = t.Err.Error()
	}
	for i, s := range t.Steps {
		s.describe(b, i, over, known)
		over = s.Began + s.Took
	}
	if t.Stopped != "" {
		fmt.Fprintf(b, "  no further attempt: %s\n", t.Stopped)
	}
}

// describe writes a step: the one before it was over at a time since the call
// began.
func (s Step) describe(b *strings.Builder, i int, over time.Duration, known string) {
	b.WriteString("  ")
	switch {
	case i == 0:
	case s.Began < over:
		b.WriteString("meanwhile, ")
	case s.Began > over:
		fmt.Fprintf(b, "%s later, ", brief(s.Began-over))
	}
	b.WriteString(s.text(known))
	if s.Err == nil {
		b.WriteString(": answered")
	}
	b.WriteByte('\n')
	if n := s.Situation; n != nil {
		fmt.Fprintf(b, "    breaker %s; %d running", n.Breaker, n.Running)
		if n.Limit > 0 {
			fmt.Fprintf(b, " of %d", n.Limit)
		}
		fmt.Fprintf(b, "; %.3g repeats allowed\n", n.Budget)
		for _, c := range n.Candidates {
			c.describe(b)
		}
	}
}

func (c Candidate) describe(b *strings.Builder) {
	fmt.Fprintf(b, "    %s: %d in flight", c.ID, c.InFlight)
	if c.Latency > 0 {
		fmt.Fprintf(b, ", %s", brief(time.Duration(c.Latency*float64(time.Second))))
	}
	if c.Cost > 0 {
		fmt.Fprintf(b, ", cost %.3g", c.Cost)
	}
	if c.Excluded != "" {
		b.WriteString(", " + c.Excluded)
	}
	b.WriteByte('\n')
}
