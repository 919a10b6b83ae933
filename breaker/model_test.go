package breaker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// script provides the random choices of a test; rapid and the fuzzer make it up.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func pick[T any](s *script, of ...T) T { return of[s.next(len(of))] }

// policy is a random policy with small numbers.
func (s *script) policy() breaker.Policy {
	p := breaker.Policy{
		FailureThreshold: pick(s, 0, 0, 1, 3),
		SuccessThreshold: pick(s, 0, 1, 2),
		Timeout:          pick(s, 0, 100*time.Millisecond, 2*time.Second),
		MaxTimeout:       pick(s, 0, 3*time.Second),
		MaxRequests:      pick(s, 0, 1, 3),
		SlowCall:         pick(s, 0, 100*time.Millisecond, time.Second),
		MinCalls:         pick(s, 0, 1, 4),
		Window:           pick(s, 0, 300*time.Millisecond, time.Second),
		ProbeLease:       pick(s, 0, 500*time.Millisecond),
		Disabled:         pick(s, false, false, false, false, false, true),
		Seed:             uint64(s.next(3)),
	}
	if p.FailureThreshold == 0 {
		p.FailurePercent, p.SlowPercent = pick(s, 0, 1, 34, 100), pick(s, 0, 1, 60, 100)
	}
	return p
}

// caller is the context of a caller with a far deadline; err is set if it has gone.
type caller struct {
	context.Context
	err error
}

func (caller) Deadline() (time.Time, bool) { return time.Now().Add(time.Hour), true }
func (c caller) Err() error                { return c.err }

var errUnreached = fault.Unavailable.Errorf("connection refused").WithUnprocessed()

// ways are the ends of a call.
var ways = []struct {
	err, caller error
	outcome     fault.Outcome
	expired     bool
	silent      bool
}{
	{outcome: fault.Success},
	{err: errFailed, outcome: fault.Failure},
	{err: fault.NotFound, outcome: fault.Ignored},
	{err: context.DeadlineExceeded, outcome: fault.Failure, silent: true},
	{err: context.Canceled, caller: context.Canceled, outcome: fault.Ignored},
	{err: context.DeadlineExceeded, caller: context.DeadlineExceeded, outcome: fault.Ignored, expired: true, silent: true},
	{err: errUnreached, outcome: fault.Failure, silent: true},
}

// pair is a circuit and its reference.
type pair struct {
	*testing.T
	c        *breaker.Circuit
	r        *reference
	inFlight []permitPair
	steps    []string
	errors   []string
}

func (p *pair) Errorf(format string, args ...any) {
	p.errors = append(p.errors, fmt.Sprintf(format, args...))
}

type permitPair struct {
	permit breaker.Permit
	want   permitted
}

// difference plays a script, and returns where the circuit differs from its reference.
func difference(t *testing.T, s script) (how string) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", s.policy())
		p := &pair{T: t, c: c, r: newReference(c.Policy())}
		ctx, cancel := context.WithCancel(t.Context())
		changes := c.Changes(ctx)
		for len(s) > 0 && len(p.errors) == 0 {
			p.step(&s)
			p.compare()
		}
		cancel()
		p.compareChanges(slices.Collect(changes))
		if len(p.errors) > 0 {
			how = strings.Join(p.errors, "\n") + "\nafter\n" + strings.Join(p.steps, "\n")
		}
	})
	return how
}

func (p *pair) step(s *script) {
	note := func(format string, args ...any) {
		p.steps = append(p.steps, fmt.Sprintf("%s %s: ", p.r.now(), p.r.stateNow())+fmt.Sprintf(format, args...))
	}
	switch what := s.next(16); what {
	case 0, 1:
		note("a call begins")
		p.begin()
	case 2, 3, 4:
		if len(p.inFlight) > 0 {
			k, way := s.next(len(p.inFlight)), s.next(len(ways))
			note("call %d ends %+v", p.inFlight[k].want.id, ways[way])
			p.end(k, way)
		}
	case 5, 6, 7, 8:
		way, n := s.next(len(ways)), pick(s, 1, 2, 3, 4, 5, 6, 25)
		note("%d calls end %+v", n, ways[way])
		for range n {
			p.begin()
			if k := len(p.inFlight) - 1; k >= 0 {
				p.end(k, way)
			}
			p.compare()
		}
	case 9, 10, 11, 12:
		d := pick[time.Duration](s, 1, 30, 100, 300, 1000, 2500, 5000, 11_000, 61_000) * time.Millisecond
		note("%s pass", d)
		<-time.After(d)
	case 13:
		policy := s.policy()
		err := p.c.Set(policy)
		note("set %+v: %v", policy, err)
		if (err == nil) != (policy.Validate() == nil) {
			p.Errorf("Set: %v", err)
		}
		if err == nil {
			p.r.set(p.c.Policy())
		}
	case 14, 15:
		switch s.next(4) {
		case 0:
			note("force open")
			p.c.ForceOpen()
			p.r.force(breaker.Open)
		case 1:
			note("force closed")
			p.c.ForceClosed()
			p.r.force(breaker.Closed)
		default:
			note("release")
			p.c.Release()
			p.r.release()
		}
	}
}

func (p *pair) begin() {
	permit, err := p.c.Allow(caller{Context: p.Context()})
	should, ok := p.r.allow()
	if ok != (err == nil) {
		p.Errorf("allowed: %v, should be %v", err, ok)
	}
	if err == nil {
		p.inFlight = append(p.inFlight, permitPair{permit, should})
		return
	}
	p.refused(err)
}

func (p *pair) refused(err error) {
	wait := fault.RetryAfter(err)
	if fault.CodeOf(err) != fault.Unavailable || fault.ReasonOf(err) != "breaker_open" || wait <= 0 {
		p.Errorf("refused with %#v", err)
	}
	if p.r.forced != strings.Contains(err.Error(), "by hand") {
		p.Errorf("held by hand: %v; refused with %v", p.r.forced, err)
	}
	if left := p.r.until - p.r.now(); p.r.state == breaker.Open && !p.r.forced && (wait < left || wait > left+left/50) {
		p.Errorf("to wait %s, and %s are left", wait, left)
	}
}

func (p *pair) end(k, way int) {
	one := p.inFlight[k]
	p.inFlight = slices.Delete(p.inFlight, k, k+1)
	w := ways[way]
	one.permit.Done(caller{p.Context(), w.caller}, w.err)
	p.r.done(one.want, w.outcome, w.expired, !w.silent)
	if p.r.untilUnknown {
		p.opened()
	}
}

// opened reads from a refusal how long the circuit stays open.
func (p *pair) opened() {
	p.r.untilUnknown = false
	_, err := p.c.Allow(p.Context())
	wait := fault.RetryAfter(err)
	if least, most := p.r.pause(); wait < least || wait > most {
		p.Errorf("open for %s (%v), should be %s to %s", wait, err, least, most)
	}
	p.r.until = p.r.now() + wait
}

func (p *pair) compare() {
	s := p.c.Snapshot()
	_, failures, _ := p.r.inWindow()
	if p.r.p.FailureThreshold > 0 {
		failures = p.r.row
	}
	if s.State != p.r.stateNow() || p.c.State() != s.State || s.Forced != p.r.forced || s.FailureCount != failures || s.SuccessCount != p.r.successes {
		p.Errorf("%s: it is %+v, should be %s forced %v with %d failures and %d successes", p.r.now(), s, p.r.stateNow(), p.r.forced, failures, p.r.successes)
	}
	if st := s.Statistics; st.SuccessfulRequests != int64(p.r.good) || st.FailedRequests != int64(p.r.bad) || st.TotalRequests != int64(p.r.good+p.r.bad+p.r.ignored) {
		p.Errorf("%+v of %d good, %d bad, %d ignored", st, p.r.good, p.r.bad, p.r.ignored)
	}
}

func (p *pair) compareChanges(changes []breaker.Change) {
	should := p.r.changes
	if missed := len(should) - 64; missed > 0 {
		should = slices.Clone(should[missed:])
		should[0].Missed = missed
	}
	if !slices.Equal(changes, should) {
		p.Errorf("heard %v\nshould %v", changes, should)
	}
}

func TestACircuitMatchesItsReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := script(rapid.SliceOfN(rapid.Byte(), 200, 2000).Draw(rt, "script"))
		if how := difference(t, s); how != "" {
			rt.Fatal(how)
		}
	})
}

func FuzzCircuit(f *testing.F) {
	f.Add([]byte("a circuit that opens, closes and is held by hand"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if how := difference(t, data[:min(len(data), 1000)]); how != "" {
			t.Fatal(how)
		}
	})
}
