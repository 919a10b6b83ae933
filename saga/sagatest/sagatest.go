// Package sagatest tests runners and stores of sagas, and with [CheckCrashes] sagas
// themselves. The author of a runner runs
//
//	func TestRunner(t *testing.T) {
//		sagatest.Run(t, sagatest.Features{}, func(t *testing.T) sagatest.Open { … })
//	}
//
// # Guarantees
//
// Each rule is a subtest with a place of its own for its runs, and logs the rule as a
// sentence. The suite runs in the virtual time of testing/synctest, unless
// Features.RealTime says that the runner cannot.
package sagatest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/suite"
	"github.com/sinew-go/sinew/saga"
)

// Features say how a runner is tested.
type Features struct {
	// RealTime says that the runner does not live in this process alone, so that time cannot
	// be virtual.
	RealTime bool
}

// State is the state of the sagas of the suite: its fields.
type State map[string]int

// Open returns a runner of a definition. Each call stands for another process: the runners
// of one Open know the same runs. They do not Run yet.
type Open func(d saga.Definition[State]) saga.Runner[State]

// Run runs the rules. open opens a place for runs that no other rule uses.
func Run(t *testing.T, f Features, open func(t *testing.T) Open) {
	t.Helper()
	suite.Suite[Features, *subject]{
		Rules: slices.Concat(basics, undoing, waiting, branching, operating, observing), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *subject { return &subject{T: t, open: open(t), failures: map[string][]error{}} },
	}.Run(t)
}

type rule = suite.Rule[Features, *subject]

// patient is how long a rule waits for what must happen.
const patient = 2 * time.Minute

// fast is a policy of repeats that do not take long.
var fast = saga.RetryPolicy{Attempts: 3, Backoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond}

// subject is what a rule checks.
type subject struct {
	*testing.T
	open Open

	mu       sync.Mutex
	calls    []string
	failures map[string][]error // of the next calls, by call
}

// step returns a step that notes its calls, and sets the field of its name.
func (s *subject) step(name string) saga.Step[State] {
	return saga.Step[State]{
		Name: name,
		Do: func(_ context.Context, state State) (State, error) {
			return s.with(state, name, 1), s.note(name)
		},
		Undo: func(_ context.Context, state State) (State, error) {
			return s.with(state, name, 0), s.note("undo " + name)
		},
	}
}

// with returns the state with a field.
func (s *subject) with(state State, name string, value int) State {
	next := maps.Clone(state)
	if next == nil {
		next = State{}
	}
	next[name] = value
	return next
}

// note notes a call, and returns its failure.
func (s *subject) note(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	if next := s.failures[name]; len(next) > 0 {
		s.failures[name] = next[1:]
		return next[0]
	}
	return nil
}

// fail makes the next calls fail.
func (s *subject) fail(name string, failures ...error) { s.failures[name] = failures }

// repeat returns n times the error.
func repeat(n int, err error) []error { return slices.Repeat([]error{err}, n) }

// wantCalls checks what was called.
func (s *subject) wantCalls(want ...string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.calls, want) {
		s.Errorf("the calls were %q, want %q", s.calls, want)
	}
}

// run runs a definition with these steps until the end of the test.
func (s *subject) run(steps ...saga.Step[State]) *running {
	s.Helper()
	return s.runDefinition(saga.Definition[State]{Name: "checkout", Steps: steps, Retry: fast})
}

func (s *subject) runDefinition(d saga.Definition[State]) *running {
	s.Helper()
	r := &running{Runner: s.open(d), s: s}
	r.start()
	return r
}

// running is a runner that runs.
type running struct {
	saga.Runner[State]
	s    *subject
	stop func()
}

func (r *running) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.Run(ctx) })
	r.stop = func() { cancel(); done.Wait() }
	r.s.Cleanup(r.stop)
}

// context returns a context for what must not take forever.
func (s *subject) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	s.Cleanup(cancel)
	return ctx
}

// begin starts a run with an empty state.
func (r *running) begin(id string) {
	r.s.Helper()
	if err := r.Start(r.s.context(), id, State{}); err != nil {
		r.s.Fatal(err)
	}
}

// end waits for the end of a run.
func (r *running) end(id string, want saga.Phase) saga.Run[State] {
	r.s.Helper()
	end, err := r.Wait(r.s.context(), id)
	if end.Phase != want {
		r.s.Fatalf("run %s is %s (%v), want %s; %+v", id, end.Phase, err, want, end.History)
	}
	if (want == saga.Done) != (err == nil) {
		r.s.Errorf("the error of Wait is %v for a run that is %s", err, want)
	}
	return end
}

// must fails the test after an error.
func (s *subject) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// get returns a run.
func (r *running) get(id string) saga.Run[State] {
	r.s.Helper()
	got, err := r.Get(r.s.context(), id)
	r.s.must(err)
	return got
}

// until waits until the run is as it should be.
func (r *running) until(id, what string, is func(saga.Run[State]) bool) saga.Run[State] {
	r.s.Helper()
	for end := time.Now().Add(patient); ; <-time.After(5 * time.Millisecond) {
		got := r.get(id)
		if is(got) {
			return got
		}
		if time.Now().After(end) {
			r.s.Fatalf("run %s: waited in vain until %s; it is %+v", id, what, got)
		}
	}
}

// untilWaiting waits until a step of the run waits for something.
func (r *running) untilWaiting(id, step, what string) saga.Run[State] {
	r.s.Helper()
	return r.until(id, "step "+step+" waits for "+what, func(got saga.Run[State]) bool {
		return slices.ContainsFunc(got.Waits, func(w saga.Wait) bool { return w.Step == step && w.For == what })
	})
}
