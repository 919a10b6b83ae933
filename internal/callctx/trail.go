package callctx

import (
	"sync"
	"time"

	"github.com/sinew-go/sinew/call"
)

// maxSteps is how many steps are stored of a call that is not explained: the first ones,
// and the last.
const maxSteps = 8

// trail is the trail of a call while that goes on. Attempts that run at the same time
// share it.
type trail struct {
	mu      sync.Mutex
	started *startedTrail // nil while there is nothing to record
}

// startedTrail holds the trail and its first step, which most failed calls need, in one
// allocation.
type startedTrail struct {
	call.Trail
	first [1]call.Step
}

// attachTrail gives a call its trail. A second attempt shares the trail of its call, and a
// call that is being served has none.
func (c *Call) attachTrail(t *trail) {
	if c.trail == nil && !c.Inbound {
		c.trail = t
	}
}

// ensure returns the trail, and makes it first if there is none. The caller holds the
// lock.
func (t *trail) ensure(c *Call) *call.Trail {
	if t.started == nil {
		s := &startedTrail{Trail: call.Trail{Operation: c.Operation, From: c.From, Start: c.Start, Took: -1}}
		if !c.Deadline.IsZero() {
			s.Limit = c.Deadline.Sub(c.Start)
		}
		s.Steps = s.first[:0]
		t.started = s
	}
	return &t.started.Trail
}

// snapshot returns a copy of the trail.
func (t *trail) snapshot() call.Trail {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.started.Trail
	s.Steps = append(make([]call.Step, 0, len(s.Steps)), s.Steps...)
	return s
}

// Explained reports whether the call is explained: then each attempt is to be added with
// its [call.Situation], and else only those that fail.
func (c *Call) Explained() bool {
	if c.Explanation != nil {
		c.startTrail()
	}
	return c.Explanation != nil
}

// startTrail adds the call to its explanation, once.
func (c *Call) startTrail() {
	if c.trail == nil {
		c.trail = &trail{}
	}
	c.trail.mu.Lock()
	wasStarted := c.trail.started != nil
	_ = c.trail.ensure(c)
	c.trail.mu.Unlock()
	if !wasStarted {
		c.Explanation.Add(c.trail.snapshot)
	}
}

// Note adds an attempt that has ended to the trail.
func (c *Call) Note(s call.Step) {
	if c.trail == nil {
		c.trail = &trail{}
	}
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	t := c.trail.ensure(c)
	if len(t.Steps) < maxSteps || c.Explanation != nil {
		t.Steps = append(t.Steps, s)
		return
	}
	t.Steps[maxSteps-1] = s
	t.Dropped++
}

// NoteStop records why no further attempt follows, as in [call.Trail].Stopped, if an
// attempt was added before. The latest reason counts.
func (c *Call) NoteStop(why string) {
	if c.trail == nil {
		return
	}
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	if c.trail.started != nil {
		c.trail.started.Stopped = why
	}
}

// End records how the call ended: err is its failure, and ended says what prevented its
// answer, as in [call.Trail]. It returns the trail, which is not nil. Whoever started the
// call calls it once, when no attempt goes on.
func (c *Call) End(err error, ended string) *call.Trail {
	if c.trail == nil {
		c.trail = &trail{}
	}
	c.Explained() // adds a call without attempts to its explanation
	c.trail.mu.Lock()
	defer c.trail.mu.Unlock()
	t := c.trail.ensure(c)
	t.Took, t.Err, t.Ended = time.Since(t.Start), err, ended
	return t
}
