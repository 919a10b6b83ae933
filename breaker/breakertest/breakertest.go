// Package breakertest holds the rules that every breaker.Breaker keeps, as a
// suite that its author runs:
//
//	func TestBreaker(t *testing.T) {
//		breakertest.Run(t, breakertest.Features{}, func(t *testing.T, s breakertest.Settings) breaker.Breaker {
//			return mine.New(s.Failures, s.Timeout)
//		})
//	}
//
// # Guarantees
//
// Each rule is a subtest, logged as a sentence, with a new breaker. Rules wait
// in virtual time, so the suite takes no longer than the code under it, unless
// Features.RealTime says that the breaker cannot live in it.
package breakertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// Features say what a breaker cannot do; the zero Features hold it to
// everything.
type Features struct {
	// RealTime: it has goroutines of its own that never end, so that virtual
	// time never passes.
	RealTime bool
	// OneProbe: it admits one probe at a time and closes at its first success,
	// whatever the settings.
	OneProbe bool
	// Late: results take effect a moment after Done.
	Late bool
	// HidesHalfOpen: its snapshot shows half-open as open.
	HidesHalfOpen bool
	// KeepsProbes: a probe that ends as ignored, or never, keeps others away
	// for a whole Timeout.
	KeepsProbes bool
	// TrustsLateResults: a result from before it opened may close it.
	TrustsLateResults bool
}

// Settings are what a rule needs of the breaker that it asks for.
type Settings struct {
	// Failures in a row, and nothing else before, that open it.
	Failures int
	// Successes of probes that close it.
	Successes int
	// Timeout is how long it stays open at first.
	Timeout time.Duration
	// Probes that it admits at once.
	Probes int
	// ProbeLease is after how long a probe that does not end is given up.
	ProbeLease time.Duration
}

// New makes a breaker for a rule.
type New func(t *testing.T, s Settings) breaker.Breaker

// Run runs every rule as a subtest.
func Run(t *testing.T, f Features, n New) {
	t.Helper()
	for _, r := range rules {
		if r.unless != nil && r.unless(f) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Log(r.sentence)
			s := Settings{Failures: 5, Successes: 3, Timeout: time.Minute, Probes: 2, ProbeLease: 10 * time.Second}
			if f.RealTime {
				s.Timeout = 200 * time.Millisecond
			}
			if f.OneProbe {
				s.Successes, s.Probes = 1, 1
			}
			run := func(t *testing.T) { r.check(&subject{T: t, Features: f, Settings: s, b: n(t, s)}) }
			if f.RealTime {
				run(t)
			} else {
				synctest.Test(t, run)
			}
		})
	}
}

type rule struct {
	name, sentence string
	unless         func(Features) bool
	check          func(*subject)
}

// subject is the breaker under test.
type subject struct {
	*testing.T
	Features
	Settings
	b breaker.Breaker
}

var errFailed = fault.Internal.Errorf("it broke")

// call makes a call that ends with err, and reports whether it was permitted.
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

func (s *subject) state() breaker.State { return s.b.Snapshot().State }

// pass waits for d.
func (s *subject) pass(d time.Duration) { <-time.After(d) }

// await waits for what takes effect late.
func (s *subject) await(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); s.pass(time.Millisecond) {
		if !s.Late || time.Now().After(deadline) {
			s.Fatalf("waited in vain for %s; the state is %s", what, s.state())
		}
	}
}

// permits takes as many permits as the breaker gives.
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

func (s *subject) refusal() error {
	s.Helper()
	_, err := s.b.Allow(s.Context())
	if err == nil {
		s.Fatal("permitted while open")
	}
	return err
}

var rules = []rule{
	{"opens", "It begins closed, and enough failures open it.", nil, func(s *subject) {
		if got := s.state(); got != breaker.Closed {
			s.Fatalf("begins %s", got)
		}
		s.trip()
		s.refusal()
	}},
	{"refusal", "A refusal is fault.Unavailable with reason breaker_open, Unprocessed, and says how long to wait.", nil, func(s *subject) {
		s.trip()
		err := s.refusal()
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Unavailable || f.Reason != "breaker_open" || !f.Unprocessed {
			s.Errorf("refused with %#v", err)
		}
		if wait := fault.RetryAfter(err); wait <= 0 || wait > s.Timeout {
			s.Errorf("says to wait %s of %s", wait, s.Timeout)
		}
	}},
	{"recovers", "After the timeout it admits probes, and closes when enough of them succeed.", nil, func(s *subject) {
		s.trip()
		s.pass(s.Timeout + time.Millisecond)
		for i := range s.Successes {
			if !s.call(nil) {
				s.Fatalf("probe %d refused", i+1)
			}
			if want := breaker.HalfOpen; i+1 < s.Successes && !s.HidesHalfOpen && s.state() != want {
				s.Fatalf("%s after %d successes of %d", s.state(), i+1, s.Successes)
			}
		}
		s.await("the breaker to close", func() bool { return s.state() == breaker.Closed })
		if !s.call(nil) {
			s.Error("refused when closed again")
		}
	}},
	{"reopens", "A probe that fails opens it again for a whole timeout at least.", nil, func(s *subject) {
		s.trip()
		s.pass(s.Timeout + time.Millisecond)
		if !s.call(errFailed) {
			s.Fatal("no probe")
		}
		s.refusal()
		if !s.RealTime {
			s.pass(s.Timeout - 2*time.Millisecond)
			s.refusal()
		}
	}},
	{"refusals_do_not_count", "Refusals are no failures: a storm of them does not keep it open.", nil, func(s *subject) {
		s.trip()
		for range 1000 {
			s.call(errFailed)
		}
		s.pass(s.Timeout + time.Millisecond)
		if !s.call(nil) {
			s.Error("no probe after the timeout")
		}
	}},
	{"stampede", "At the moment of half-opening no more than its number of probes pass, however many ask.", nil, func(s *subject) {
		s.trip()
		s.pass(s.Timeout + time.Millisecond)
		begun := time.Now()
		got, most := len(s.permits(10_000)), s.Probes
		if s.KeepsProbes { // it lets the next ones in after each Timeout
			most *= 1 + int(time.Since(begun)/s.Timeout)
		}
		if got < s.Probes || got > most {
			s.Errorf("%d of 10000 callers passed; %d probes are allowed", got, most)
		}
	}},
	{"ignored", "Callers who cancel or err count as nothing.", nil, func(s *subject) {
		ctx, cancel := context.WithCancelCause(s.Context())
		cancel(errors.New("the user went away"))
		for range 10 * s.Failures {
			for _, err := range []error{context.Canceled, context.Cause(ctx), fault.Unavailable.Errorf("torn: %w", context.Canceled)} {
				permit, refused := s.b.Allow(s.Context())
				if refused != nil {
					s.Fatalf("opened by callers who cancelled: %v", refused)
				}
				permit.Done(ctx, err)
			}
			if !s.call(fault.NotFound.Errorf("no such thing")) {
				s.Fatal("opened by callers' mistakes")
			}
		}
	}},
	{"leases_end", "A probe that ends in whatever way lets the next one in.", func(f Features) bool { return f.KeepsProbes }, func(s *subject) {
		s.trip()
		s.pass(s.Timeout + time.Millisecond)
		cancelled, cancel := context.WithCancel(s.Context())
		cancel()
		for i, end := range []func(breaker.Permit){
			func(p breaker.Permit) { p.Done(s.Context(), fault.InvalidArgument) },
			func(p breaker.Permit) { p.Done(cancelled, context.Canceled) },
			func(p breaker.Permit) { p.Done(cancelled, nil) },
		} {
			held := s.permits(s.Probes + 1)
			if len(held) != s.Probes {
				s.Fatalf("round %d: %d probes", i, len(held))
			}
			for _, p := range held {
				end(p)
			}
			if s.state() == breaker.Closed {
				return // the successes closed it
			}
		}
	}},
	{"leases_lapse", "A probe that never ends lets the next one in when its lease is over.", func(f Features) bool { return f.KeepsProbes }, func(s *subject) {
		s.trip()
		s.pass(s.Timeout + time.Millisecond)
		lost := s.permits(s.Probes)
		s.refusal()
		s.pass(s.ProbeLease + time.Millisecond)
		if got := len(s.permits(s.Probes + 1)); got != s.Probes {
			s.Fatalf("%d probes after the leases lapsed, not %d", got, s.Probes)
		}
		for _, p := range lost {
			p.Done(s.Context(), errFailed)
		}
		if s.state() == breaker.Open {
			s.Error("a lapsed probe opened it")
		}
	}},
	{"late_results", "Results from before it opened change nothing.", func(f Features) bool { return f.TrustsLateResults }, func(s *subject) {
		late := s.permits(20)
		s.trip()
		for _, p := range late[:10] {
			p.Done(s.Context(), nil)
		}
		if got := s.state(); got != breaker.Open {
			s.Fatalf("late successes made it %s", got)
		}
		s.pass(s.Timeout + time.Millisecond)
		probe := s.permits(1)
		for _, p := range late[10:] {
			p.Done(s.Context(), errFailed)
		}
		if s.state() == breaker.Open || len(probe) != 1 {
			s.Error("late failures decided the probe")
		}
	}},
	{"concurrent", "It is safe for concurrent use, and lets nothing through that it does not learn of.", nil, func(s *subject) {
		var passed atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for i := range 500 {
					if err := error(nil); s.call(err) {
						passed.Add(1)
					}
					if i%50 == 0 {
						s.b.Snapshot()
					}
				}
			})
		}
		group.Wait()
		s.await("every call to be counted", func() bool { return s.b.Snapshot().Statistics.TotalRequests == passed.Load() })
	}},
}
