package breakertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// calls are the rules about what opens and closes a breaker.
var calls = []rule{
	{
		Name:     "opens",
		Sentence: "It begins closed, and enough failures open it.",
		Check: inTime(func(s *subject) {
			if got := s.state(); got != breaker.Closed {
				s.Fatalf("begins %s", got)
			}
			s.trip()
			s.refusal()
		}),
	},
	{
		Name:     "timeouts",
		Sentence: "A call that our own time limit ends counts as a failure.",
		Check: func(s *subject) {
			for i := range s.Failures {
				if !s.call([]error{fault.DeadlineExceeded, context.DeadlineExceeded}[i%2]) {
					s.Fatal("refused before enough calls had failed")
				}
			}
			s.await("the breaker to open", func() bool { return s.state() == breaker.Open })
		},
	},
	{
		Name:     "refusal",
		Sentence: "A refusal is fault.Unavailable with reason breaker_open, Unprocessed, and says how long to wait.",
		Check: inTime(func(s *subject) {
			s.trip()
			err := s.refusal()
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Unavailable || f.Reason != fault.ReasonBreakerOpen || !f.Unprocessed {
				s.Errorf("refused with %#v", err)
			}
			if wait := fault.RetryAfter(err); wait <= 0 || wait > s.Timeout {
				s.Errorf("says to wait %s of %s", wait, s.Timeout)
			}
		}),
	},
	{
		Name:     "recovers",
		Sentence: "After the timeout it admits probes, and closes when enough of them succeed.",
		Check: func(s *subject) {
			s.trip()
			s.wait(s.Timeout + time.Millisecond)
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
		},
	},
	{
		Name:     "reopens",
		Sentence: "A probe that fails opens it again for a whole timeout at least.",
		Check: inTime(func(s *subject) {
			s.trip()
			s.wait(s.Timeout + time.Millisecond)
			if !s.call(errFailed) {
				s.Fatal("no probe")
			}
			s.refusal()
			if !s.RealTime {
				s.wait(s.Timeout - 2*time.Millisecond)
				s.refusal()
			}
		}),
	},
	{
		Name:     "refusals_do_not_count",
		Sentence: "Refusals are no failures: a storm of them does not keep it open.",
		Check: func(s *subject) {
			s.trip()
			for range 1000 {
				s.call(errFailed)
			}
			s.wait(s.Timeout + time.Millisecond)
			if !s.call(nil) {
				s.Error("no probe after the timeout")
			}
		},
	},
	{
		Name:     "stampede",
		Sentence: "At the moment of half-opening no more than its number of probes pass, however many ask.",
		Check: func(s *subject) {
			s.trip()
			s.wait(s.Timeout + time.Millisecond)
			begun := time.Now()
			got, most := len(s.permits(10_000)), s.Probes
			if s.KeepsProbes { // it admits the next ones after each Timeout
				most *= 1 + int(time.Since(begun)/s.Timeout)
			}
			if got < s.Probes || got > most {
				s.Errorf("%d of 10000 callers passed; %d probes are allowed", got, most)
			}
		},
	},
	{
		Name:     "ignored",
		Sentence: "Callers who cancel or err count as nothing.",
		Check: func(s *subject) {
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
		},
	},
	{
		Name:     "relayed",
		Sentence: "A failure that the callee passes on does not open it, and shows as a probe that the callee is there.",
		Check: func(s *subject) {
			s.harmless(&fault.Error{Code: fault.Internal, Message: "stock failed", Service: "stock", Relayed: true})
		},
	},
	{
		Name:     "overloaded",
		Sentence: "A refusal for lack of room does not open it, and shows as a probe that the callee is there.",
		Check: func(s *subject) {
			s.harmless(fault.Unavailable.Errorf("full").WithReason(fault.ReasonOverloaded).WithUnprocessed())
			s.harmless(fault.Unavailable.Errorf("come again later").WithRetryAfter(time.Second))
		},
	},
	{
		Name:     "concurrent",
		Sentence: "It is safe for concurrent use, and lets nothing through that it does not learn of.",
		Check: func(s *subject) {
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
		},
	},
}
