package sagatest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/tracing"
)

var basics = []rule{
	{Name: "Steps", Sentence: "the steps run one after the other, and each gets the state that the one before it returned", Check: func(s *subject) {
		r := s.run(s.step("reserve"), s.step("pay"), s.step("ship"))
		s.must(r.Start(s.context(), "1", State{"from": 7}))
		end := r.end("1", saga.Done)
		s.wantCalls("reserve", "pay", "ship")
		if want := (State{"from": 7, "reserve": 1, "pay": 1, "ship": 1}); !equal(end.State, want) {
			s.Errorf("the state is %v, want %v", end.State, want)
		}
	}},
	{Name: "SameID", Sentence: "the same ID with the same state is the same run, and with another state it is refused", Check: func(s *subject) {
		r := s.run(s.step("reserve"))
		r.begin("1")
		r.end("1", saga.Done)
		r.begin("1")
		s.wantCode(r.Start(s.context(), "1", State{"other": 1}), fault.AlreadyExists, "1")
		r.end("1", saga.Done)
		s.wantCalls("reserve")
	}},
	{Name: "ManyRuns", Sentence: "many runs go on at the same time", Check: func(s *subject) {
		r := s.run(s.step("reserve"), s.step("pay"))
		var ids []string
		for i := range 40 {
			ids = append(ids, "run-"+string(rune('a'+i/10))+string(rune('0'+i%10)))
			r.begin(ids[i])
		}
		for _, id := range ids {
			r.end(id, saga.Done)
		}
		if len(s.calls) != 80 {
			s.Errorf("%d calls for 40 runs of two steps", len(s.calls))
		}
	}},
	{Name: "Keys", Sentence: "a step has one idempotency key however often it runs, and no other step or Undo has it", Check: func(s *subject) {
		keys := map[string][]string{}
		note := func(name string) func(ctx context.Context, state State) (State, error) {
			return func(ctx context.Context, state State) (State, error) {
				s.mu.Lock()
				keys[name] = append(keys[name], call.Of(ctx).IdempotencyKey)
				s.mu.Unlock()
				return state, s.note(name)
			}
		}
		s.fail("pay", fault.Unavailable, fault.FailedPrecondition)
		s.fail("undo pay", fault.Unavailable)
		r := s.run(saga.Step[State]{Name: "reserve", Do: note("reserve"), Undo: note("undo reserve")}, saga.Step[State]{Name: "pay", Do: note("pay"), Undo: note("undo pay")})
		r.begin("o-1")
		r.end("o-1", saga.Undone)
		seen := map[string]string{}
		for name, all := range keys {
			if all[0] == "" || slices.ContainsFunc(all, func(k string) bool { return k != all[0] }) {
				s.Errorf("the keys of %s are %q, want one", name, all)
			}
			if other := seen[all[0]]; other != "" {
				s.Errorf("%s and %s have one key", other, name)
			}
			seen[all[0]] = name
		}
		if len(keys["pay"]) != 2 || len(seen) != 4 {
			s.Errorf("the keys are %q, want two of pay, and four different ones", keys)
		}
	}},
	{Name: "Context", Sentence: "the request id and the trace of Start cross to the steps", Check: func(s *subject) {
		var requestID, traceID string
		r := s.run(saga.Step[State]{Name: "reserve", Do: func(ctx context.Context, state State) (State, error) {
			requestID, traceID = call.Of(ctx).RequestID, tracing.SpanContextOf(ctx).TraceID.String()
			return state, nil
		}})
		ctx, span := new(tracing.Recorder).Start(call.With(s.context(), call.Record{RequestID: "req-1"}), "checkout", tracing.Internal)
		s.must(r.Start(ctx, "1", State{}))
		span.End(nil)
		r.end("1", saga.Done)
		if requestID != "req-1" || traceID != span.Context().TraceID.String() {
			s.Errorf("the step has request id %q and trace %s, want req-1 and %s", requestID, traceID, span.Context().TraceID)
		}
	}},
	{Name: "Timeout", Sentence: "a Timeout limits each call of a step", Check: func(s *subject) {
		slow := s.step("pay")
		slow.Timeout = 20 * time.Millisecond
		slow.Do = func(ctx context.Context, state State) (State, error) {
			_ = s.note("pay")
			<-ctx.Done()
			return state, ctx.Err()
		}
		r := s.run(slow)
		r.begin("1")
		end := r.end("1", saga.Undone)
		if !errors.Is(end.Cause, fault.DeadlineExceeded) {
			s.Errorf("the cause is %v, want deadline_exceeded", end.Cause)
		}
		s.wantCalls("pay", "pay", "pay", "undo pay")
	}},
	{Name: "Panic", Sentence: "a panic of a step is a failure", Check: func(s *subject) {
		r := s.run(saga.Step[State]{Name: "pay", Do: func(context.Context, State) (State, error) { panic("no") }})
		r.begin("1")
		if end := r.end("1", saga.Undone); !errors.Is(end.Cause, fault.Internal) {
			s.Errorf("the cause is %v, want internal", end.Cause)
		}
	}},
	{Name: "HandOver", Sentence: "when a worker stops, its step ends without a failed attempt, and another worker goes on", Check: func(s *subject) {
		begun, d := make(chan struct{}, 1), saga.Definition[State]{Name: "checkout", Retry: saga.RetryPolicy{Attempts: 1}}
		d.Steps = []saga.Step[State]{s.step("reserve"), {Name: "pay", Undo: s.step("pay").Undo, Do: func(ctx context.Context, state State) (State, error) {
			if err := s.note("pay"); err == nil {
				return s.with(state, "pay", 1), nil
			}
			begun <- struct{}{}
			<-ctx.Done()
			return state, ctx.Err()
		}}}
		s.fail("pay", fault.Aborted)
		first := s.runDefinition(d)
		first.begin("1")
		<-begun
		first.stop()
		s.runDefinition(d).end("1", saga.Done)
		s.wantCalls("reserve", "pay", "pay")
	}},
	{Name: "Versions", Sentence: "a run ends under the version under which it began, and workers that do not know that version leave it alone", Check: func(s *subject) {
		gate := s.step("gate")
		gate.Event = saga.On(func(_ context.Context, state State, _ int) (State, error) {
			return s.with(state, "gate", 1), s.note("gate")
		})
		gate.Do = nil
		old := saga.Definition[State]{Name: "checkout", Version: 1, Retry: fast, Steps: []saga.Step[State]{gate, s.step("old")}}
		first := s.runDefinition(old)
		first.begin("1")
		first.untilWaiting("1", "gate", "event")
		first.stop()
		stranger := s.runDefinition(saga.Definition[State]{Name: "checkout", Version: 2, Steps: []saga.Step[State]{gate, s.step("new")}})
		s.must(stranger.Deliver(s.context(), "1", "gate", 1))
		stranger.begin("2")
		s.must(stranger.Deliver(s.context(), "2", "gate", 1))
		stranger.end("2", saga.Done)
		if stuck, err := stranger.Stuck(s.context(), 0, 10); err != nil || len(stuck) != 1 || stuck[0].ID != "1" || stuck[0].Waits[0].For != "worker" {
			s.Errorf("stuck are %+v (%v), want run 1, which waits for a worker", stuck, err)
		}
		stranger.stop()
		second := s.runDefinition(saga.Definition[State]{Name: "checkout", Version: 2, Steps: []saga.Step[State]{gate, s.step("new")}, Earlier: []saga.Definition[State]{old}})
		second.end("1", saga.Done)
		s.wantCalls("gate", "new", "gate", "old")
	}},
	{Name: "BadInput", Sentence: "what cannot be a run, a state, a step or an event is refused, and the error names it", Check: func(s *subject) {
		gate := s.step("gate")
		gate.Event = saga.On(func(_ context.Context, state State, _ int) (State, error) { return state, nil })
		r, ctx := s.run(gate), s.context()
		r.begin("1")
		s.wantCode(r.Start(ctx, "", State{}), fault.InvalidArgument, "checkout")
		s.wantCode(r.Start(ctx, strings.Repeat("x", 201), State{}), fault.InvalidArgument, "200")
		s.wantCode(r.Deliver(ctx, "2", "gate", 1), fault.NotFound, "2")
		s.wantCode(r.Deliver(ctx, "1", "gates", 1), fault.InvalidArgument, "gates")
		s.wantCode(r.Deliver(ctx, "1", "gate", "text"), fault.InvalidArgument, "gate")
		s.wantCode(r.Deliver(ctx, "1", "gate", func() {}), fault.InvalidArgument, "gate")
		s.wantCode(r.Skip(ctx, "1", "gates"), fault.InvalidArgument, "gates")
		s.wantCode(r.Cancel(ctx, "2"), fault.NotFound, "2")
		s.wantCode(r.Retry(ctx, "2"), fault.NotFound, "2")
		_, err := r.Get(ctx, "2")
		s.wantCode(err, fault.NotFound, "2")
		_, err = r.Wait(ctx, "2")
		s.wantCode(err, fault.NotFound, "2")
		_, err = r.Wait(ctx, "1", "gates")
		s.wantCode(err, fault.InvalidArgument, "gates")
	}},
}

// wantCode checks the class of an error, and that it names something.
func (s *subject) wantCode(err error, want fault.Code, name string) {
	s.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
		s.Errorf("the error is %v, want %s that names %s", err, want, name)
	}
}

// equal reports whether two states have the same fields. A field that is 0 is none.
func equal(a, b State) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	for name := range b {
		if a[name] != b[name] {
			return false
		}
	}
	return true
}
