package call

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// maxExplainedCalls is how many calls an explanation stores.
const maxExplainedCalls = 1000

// Explanation says why the calls that were made in one context ended as they did, in the
// order in which they started. If a callee is in the same process, the calls that its
// handler made are included. An Explanation stores the first 1,000 calls. It is safe for
// concurrent use, and may be read while calls go on: what it says of a call is complete
// when the call has returned. Make one with sinew.Explain.
type Explanation struct {
	mu      sync.Mutex
	trails  []func() Trail
	dropped int
}

// Calls returns the trails of the calls so far, as copies.
func (e *Explanation) Calls() []Trail {
	e.mu.Lock()
	current := e.trails
	e.mu.Unlock()
	trails := make([]Trail, len(current))
	for i, trail := range current {
		trails[i] = trail()
	}
	return trails
}

// String returns the explanation in sentences.
func (e *Explanation) String() string {
	var b strings.Builder
	calls := e.Calls()
	for i := range calls {
		calls[i].describe(&b)
	}
	if more := e.droppedCount(); more > 0 {
		fmt.Fprintf(&b, "and %d more calls\n", more)
	}
	return b.String()
}

// MarshalJSON writes {"calls": [...], "dropped": n}: the trails of the stored calls, and
// the number of further ones unless it is zero.
func (e *Explanation) MarshalJSON() ([]byte, error) {
	calls := e.Calls()
	trails := make([]*Trail, len(calls))
	for i := range calls {
		trails[i] = &calls[i]
	}
	return json.Marshal(struct {
		Calls   []*Trail `json:"calls"`
		Dropped int      `json:"dropped,omitempty"`
	}{trails, e.droppedCount()})
}

// Add adds a call that starts. trail must return a copy of the call's trail so far, and be
// safe for concurrent use. A client of package sinew adds its own calls; use Add in a
// [Caller] of your own.
func (e *Explanation) Add(trail func() Trail) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.trails) >= maxExplainedCalls {
		e.dropped++
		return
	}
	e.trails = append(e.trails, trail)
}

func (e *Explanation) droppedCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// describe writes the trail of an explained call.
func (t *Trail) describe(b *strings.Builder) {
	fmt.Fprintf(b, "%s of %s", t.Operation.Name, t.Operation.Service)
	switch {
	case t.Took < 0:
		b.WriteString(" goes on")
	case t.Err == nil:
		fmt.Fprintf(b, " was answered after %s", rounded(t.Took))
	default:
		fmt.Fprintf(b, " failed after %s: %s", rounded(t.Took), errorText(t.Err))
	}
	if t.Limit > 0 {
		fmt.Fprintf(b, ", of at most %s", rounded(t.Limit))
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

// describe writes a step. over is when the step before it ended, since the start of the
// call. It omits an error whose text is in known.
func (s Step) describe(b *strings.Builder, i int, over time.Duration, known string) {
	b.WriteString("  ")
	switch {
	case i == 0:
	case s.Began < over:
		b.WriteString("meanwhile, ")
	case s.Began > over:
		fmt.Fprintf(b, "%s later, ", rounded(s.Began-over))
	}
	b.WriteString(s.text(known))
	if s.Err == nil {
		b.WriteString(": answered")
	}
	b.WriteByte('\n')
	if n := s.Situation; n != nil {
		fmt.Fprintf(b, "    breaker %s; %d in flight", n.Breaker, n.InFlight)
		if n.Limit > 0 {
			fmt.Fprintf(b, " of %d", n.Limit)
		}
		fmt.Fprintf(b, "; %.3g repeats allowed\n", n.Budget)
		for _, c := range n.Candidates {
			c.describe(b)
		}
	}
}
