package breakertest

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// probes are the rules about probes that end without a result, and about results that come
// late.
var probes = []rule{
	{
		Name:     "ignored_probes",
		Sentence: "A probe that ends as ignored neither closes it nor opens it anew.",
		Check: func(s *subject) {
			s.trip()
			ctx, cancel := context.WithCancel(s.Context())
			cancel()
			s.wait(s.Timeout + time.Millisecond)
			for range 2 * s.Successes {
				for _, err := range []error{context.Canceled, fault.NotFound.Errorf("no such thing")} {
					probe := s.permits(1)
					if len(probe) != 1 {
						s.Fatalf("no probe after one that ended as ignored; the state is %s", s.state())
					}
					probe[0].Done(ctx, err)
					if s.KeepsProbes {
						s.wait(s.Timeout + time.Millisecond)
					}
					if got := s.state(); got == breaker.Closed || got == breaker.Open && !s.HidesHalfOpen {
						s.Fatalf("%s after a probe that ended as ignored", got)
					}
				}
			}
		},
	},
	{
		Name:     "leases_end",
		Sentence: "A probe that ends in whatever way lets the next one in.",
		Unless:   func(f Features) bool { return f.KeepsProbes },
		Check: func(s *subject) {
			s.trip()
			s.wait(s.Timeout + time.Millisecond)
			cancelled, cancel := context.WithCancel(s.Context())
			cancel()
			probes := s.probes()
			for i, end := range []func(breaker.Permit){
				func(p breaker.Permit) { p.Done(s.Context(), fault.InvalidArgument) },
				func(p breaker.Permit) { p.Done(cancelled, context.Canceled) },
			} {
				for at, p := range probes {
					end(p)
					next := s.permits(2)
					if len(next) != 1 {
						s.Fatalf("ending %d: %d probes in the place of the one that ended", i+1, len(next))
					}
					probes[at] = next[0]
				}
			}
			probes[0].Done(cancelled, context.Canceled)
			s.panics()
			s.await("the breaker to open when a probe panics", func() bool { return s.state() == breaker.Open })
			s.wait(2*s.Timeout + time.Millisecond) // the second open time may be twice the first
			probes = s.probes()
			probes[0].Done(cancelled, nil)
			if s.state() != breaker.Closed && len(s.permits(2)) != 1 {
				s.Error("no probe in the place of one that succeeded for a caller who had left")
			}
		},
	},
	{
		Name:     "leases_lapse",
		Sentence: "A probe that never ends lets the next one in when its lease is over.",
		Unless:   func(f Features) bool { return f.KeepsProbes },
		Check: func(s *subject) {
			s.trip()
			s.wait(s.Timeout + time.Millisecond)
			lost := s.permits(s.Probes)
			s.refusal()
			s.wait(s.ProbeLease + time.Millisecond)
			if got := len(s.permits(s.Probes + 1)); got != s.Probes {
				s.Fatalf("%d probes after the leases lapsed, not %d", got, s.Probes)
			}
			for _, p := range lost {
				p.Done(s.Context(), errFailed)
			}
			if s.state() == breaker.Open {
				s.Error("a lapsed probe opened it")
			}
		},
	},
	{
		Name:     "late_results",
		Sentence: "Results from before it opened change nothing.",
		Unless:   func(f Features) bool { return f.TrustsLateResults },
		Check: func(s *subject) {
			late := s.permits(20 + s.Failures)
			s.trip()
			for _, p := range late[:10] {
				p.Done(s.Context(), nil)
			}
			if got := s.state(); got != breaker.Open {
				s.Fatalf("late successes made it %s", got)
			}
			s.wait(s.Timeout + time.Millisecond)
			probe := s.permits(1)
			for _, p := range late[10:20] {
				p.Done(s.Context(), errFailed)
			}
			if s.state() == breaker.Open || len(probe) != 1 {
				s.Fatal("late failures decided the probe")
			}
			probe[0].Done(s.Context(), nil)
			for range s.Successes - 1 {
				s.call(nil)
			}
			s.await("the breaker to close", func() bool { return s.state() == breaker.Closed })
			for _, p := range late[20:] {
				p.Done(s.Context(), errFailed)
			}
			if got := s.state(); got != breaker.Closed {
				s.Errorf("%s by late failures after it had recovered", got)
			}
		},
	},
	{
		Name:     "late_results_count",
		Sentence: "Every call that was let through and has ended is in the statistics, however late it ends.",
		Check: func(s *subject) {
			late := s.permits(10)
			s.trip()
			before := s.b.Snapshot().Statistics.TotalRequests
			for i, p := range late {
				p.Done(s.Context(), []error{nil, errFailed}[i%2])
			}
			s.await("late results to be counted", func() bool { return s.b.Snapshot().Statistics.TotalRequests == before+int64(len(late)) })
		},
	},
}
