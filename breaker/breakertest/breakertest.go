// Package breakertest tests a breaker.Breaker of your own against the rules for every
// breaker:
//
//	func TestBreaker(t *testing.T) {
//		breakertest.Run(t, breakertest.Features{}, func(t *testing.T, s breakertest.Settings) breaker.Breaker {
//			return mine.New(s.Failures, s.Timeout)
//		})
//	}
//
// # Guarantees
//
// Each rule is a subtest with a new breaker, and logs the sentence that states the rule.
// Rules wait in virtual time, as of package testing/synctest, so the suite takes no longer
// than the code under test. With Features.RealTime they wait in real time.
package breakertest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/suite"
)

// Features say what a breaker cannot do; the zero Features test it against every rule.
type Features struct {
	// RealTime: the breaker has goroutines that never end, so it cannot run in virtual time.
	RealTime bool
	// OneProbe: the breaker admits one probe at a time and closes at the first success,
	// whatever the settings.
	OneProbe bool
	// Late: results take effect a moment after Done.
	Late bool
	// HidesHalfOpen: the snapshot of the breaker shows half-open as open.
	HidesHalfOpen bool
	// KeepsProbes: a probe that never ends, or whose result is ignored, blocks other probes
	// for a whole Timeout.
	KeepsProbes bool
	// TrustsLateResults: the result of a call that started before the breaker opened may
	// close it.
	TrustsLateResults bool
}

// Settings are what the rules require of a breaker.
type Settings struct {
	// Failures is how many failures in a row open a new breaker.
	Failures int
	// Successes is how many successful probes close the breaker.
	Successes int
	// Timeout is how long the breaker stays open after it has opened for the first time.
	Timeout time.Duration
	// Probes is how many probes the breaker admits at once.
	Probes int
	// ProbeLease is how long a probe may take until another one may start in its place.
	ProbeLease time.Duration
}

// New returns a new breaker with these settings for the subtest t.
type New func(t *testing.T, s Settings) breaker.Breaker

// Run runs every rule as a subtest, except for those that f says the breaker cannot follow.
// n makes the breakers.
func Run(t *testing.T, f Features, n New) {
	t.Helper()
	settings := Settings{Failures: 5, Successes: 3, Timeout: time.Minute, Probes: 2, ProbeLease: 10 * time.Second}
	if f.RealTime {
		settings.Timeout = 200 * time.Millisecond
	}
	if f.OneProbe {
		settings.Successes, settings.Probes = 1, 1
	}
	suite.Suite[Features, *subject]{
		Rules: slices.Concat(calls, probes), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *subject {
			return &subject{T: t, Features: f, Settings: settings, open: n, b: n(t, settings)}
		},
	}.Run(t)
}

// rule is one guarantee of every breaker.
type rule = suite.Rule[Features, *subject]

// inTime returns a check that must finish within the timeout, and gives it the time to do
// so on a busy machine.
func inTime(check func(*subject)) func(*subject) {
	return func(s *subject) {
		if s.RealTime {
			s.Timeout = 2 * time.Second
			s.b = s.open(s.T, s.Settings)
		}
		check(s)
	}
}

// subject is the breaker under test.
type subject struct {
	*testing.T
	Features
	Settings
	open New
	b    breaker.Breaker
}

var errFailed = fault.Internal.Errorf("it broke")

// call makes a call that ends with err, and says whether it was permitted.
func (s *subject) call(err error) bool {
	permit, refused := s.b.Allow(s.Context())
	if refused != nil {
		return false
	}
	permit.Done(s.Context(), err)
	return true
}

// trip opens the breaker.
func (s *subject) trip() {
	s.Helper()
	for range s.Failures {
		if !s.call(errFailed) {
			s.Fatal("refused before enough calls had failed")
		}
	}
	s.await("the breaker to open", func() bool { return s.state() == breaker.Open })
}

// harmless checks that results with this error never open the breaker, and as those of
// probes close it.
func (s *subject) harmless(err error) {
	s.Helper()
	for range 10 * s.Failures {
		if !s.call(err) {
			s.Fatalf("opened by %v", err)
		}
	}
	s.trip()
	s.wait(s.Timeout + time.Millisecond)
	for i := range s.Successes {
		if !s.call(err) {
			s.Fatalf("probe %d refused", i+1)
		}
	}
	s.await("the breaker to close", func() bool { return s.state() == breaker.Closed })
}

func (s *subject) state() breaker.State { return s.b.Snapshot().State }

func (s *subject) wait(d time.Duration) { <-time.After(d) }

// await waits for what takes effect late, see Features.Late.
func (s *subject) await(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); s.wait(time.Millisecond) {
		if !s.Late || time.Now().After(deadline) {
			s.Fatalf("waited in vain for %s; the state is %s", what, s.state())
		}
	}
}

// permits acquires as many permits as the breaker gives.
func (s *subject) permits(tries int) []breaker.Permit {
	var mu sync.Mutex
	var all []breaker.Permit
	var start sync.WaitGroup
	var group sync.WaitGroup
	start.Add(1)
	for range tries {
		group.Go(func() {
			start.Wait()
			if p, err := s.b.Allow(s.Context()); err == nil {
				mu.Lock()
				all = append(all, p)
				mu.Unlock()
			}
		})
	}
	start.Done()
	group.Wait()
	return all
}

// probes acquires all permits of a half-open breaker.
func (s *subject) probes() []breaker.Permit {
	s.Helper()
	all := s.permits(s.Probes + 1)
	if len(all) != s.Probes {
		s.Fatalf("%d probes of %d", len(all), s.Probes)
	}
	return all
}

// panics makes a call that panics.
func (s *subject) panics() {
	s.Helper()
	defer func() {
		if recover() == nil {
			s.Fatal("the panic was swallowed, or the call refused")
		}
	}()
	_, _ = breaker.Middleware(s.b)(func(context.Context, any) (any, error) { panic("oops") })(s.Context(), nil)
}

func (s *subject) refusal() error {
	s.Helper()
	_, err := s.b.Allow(s.Context())
	if err == nil {
		s.Fatal("permitted while open")
	}
	return err
}
