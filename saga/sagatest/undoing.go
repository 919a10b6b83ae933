package sagatest

import (
	"context"
	"errors"
	"slices"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

var undoing = []rule{
	{Name: "Refusal", Sentence: "after a refusal all steps that may have begun are undone in reverse order, the refused one included", Check: func(s *subject) {
		s.fail("ship", fault.FailedPrecondition.Errorf("no carrier").WithReason("no_carrier"))
		silent := s.step("note")
		silent.Undo = nil
		r := s.run(s.step("reserve"), silent, s.step("pay"), s.step("ship"), s.step("thank"))
		r.begin("1")
		end := r.end("1", saga.Undone)
		s.wantCalls("reserve", "note", "pay", "ship", "undo ship", "undo pay", "undo reserve")
		if !errors.Is(end.Cause, fault.FailedPrecondition) || fault.ReasonOf(end.Cause) != "no_carrier" {
			s.Errorf("the cause is %v, want failed_precondition with its reason", end.Cause)
		}
		s.wantCode(end.Cause, fault.FailedPrecondition, "step ship")
		if !equal(end.State, State{"note": 1}) {
			s.Errorf("the state is %v, want what the Undos left", end.State)
		}
	}},
	{Name: "Repeats", Sentence: "a step that fails for a reason that may pass is repeated", Check: func(s *subject) {
		s.fail("pay", fault.Unavailable, fault.Internal)
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		r.end("1", saga.Done)
		s.wantCalls("reserve", "pay", "pay", "pay")
	}},
	{Name: "Attempts", Sentence: "when its attempts are spent, the step and those before it are undone", Check: func(s *subject) {
		s.fail("pay", repeat(3, fault.Unavailable)...)
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "pay", "pay", "undo pay", "undo reserve")
	}},
	{Name: "UndoRepeats", Sentence: "an Undo that fails is repeated, whatever the error is", Check: func(s *subject) {
		s.fail("pay", fault.FailedPrecondition)
		s.fail("undo pay", fault.InvalidArgument, fault.DataLoss)
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "undo pay", "undo pay", "undo pay", "undo reserve")
	}},
	{Name: "Parked", Sentence: "an Undo whose attempts are spent is parked and listed, and Retry gives it all attempts anew", Check: func(s *subject) {
		s.fail("pay", fault.FailedPrecondition)
		s.fail("undo pay", repeat(5, fault.Unavailable)...)
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		r.untilParked("pay")
		s.must(r.Retry(s.context(), "1"))
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "undo pay", "undo pay", "undo pay", "undo pay", "undo pay", "undo pay", "undo reserve")
	}},
	{Name: "SkipUndo", Sentence: "an Undo that is parked can be skipped", Check: func(s *subject) {
		s.fail("pay", fault.FailedPrecondition)
		s.fail("undo pay", repeat(3, fault.Unavailable)...)
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		r.untilParked("pay")
		s.must(r.Skip(s.context(), "1", "pay"))
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "undo pay", "undo pay", "undo pay", "undo reserve")
	}},
	{Name: "Pivot", Sentence: "once a pivot is done, what fails is repeated whatever the error is, then parked, and a Cancel is refused", Check: func(s *subject) {
		pivot := s.step("pay")
		pivot.Pivot = true
		s.fail("ship", repeat(4, fault.FailedPrecondition)...)
		r := s.run(s.step("reserve"), pivot, s.step("ship"))
		r.begin("1")
		r.untilParked("ship")
		s.wantCode(r.Cancel(s.context(), "1"), fault.FailedPrecondition, "pivot")
		s.must(r.Retry(s.context(), "1"))
		r.end("1", saga.Done)
		s.wantCalls("reserve", "pay", "ship", "ship", "ship", "ship", "ship")
	}},
	{Name: "FailedPivot", Sentence: "a pivot that fails is undone with the steps before it", Check: func(s *subject) {
		pivot := s.step("pay")
		pivot.Pivot = true
		s.fail("pay", fault.FailedPrecondition)
		r := s.run(s.step("reserve"), pivot)
		r.begin("1")
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "undo pay", "undo reserve")
	}},
	{Name: "TCC", Sentence: "all participants are tried, then all are confirmed; if one fails, those that were tried are cancelled", Check: func(s *subject) {
		part := func(name string) saga.Participant[State] {
			step := func(what string) func(context.Context, State) (State, error) {
				return func(_ context.Context, state State) (State, error) { return state, s.note(what + " " + name) }
			}
			return saga.Participant[State]{Name: name, Try: step("try"), Confirm: step("confirm"), Cancel: step("cancel")}
		}
		s.fail("confirm stock", fault.FailedPrecondition)
		r := s.run(saga.TCC(part("stock"), part("money"))...)
		r.begin("1")
		r.end("1", saga.Done)
		s.wantCalls("try stock", "try money", "confirm stock", "confirm stock", "confirm money")
		s.calls = nil
		s.fail("try money", fault.FailedPrecondition)
		r.begin("2")
		r.end("2", saga.Undone)
		s.wantCalls("try stock", "try money", "cancel money", "cancel stock")
	}},
	{Name: "Sub", Sentence: "the steps of a saga inside of another one work on its part of the state, and are undone with those around them", Check: func(s *subject) {
		child := saga.Definition[int]{Name: "child", Retry: fast, Steps: []saga.Step[int]{{
			Name: "pay",
			Do:   func(_ context.Context, n int) (int, error) { return n + 1, s.note("pay") },
			Undo: func(_ context.Context, n int) (int, error) { return n - 1, s.note("undo pay") },
		}}}
		sub := saga.Sub("child", child, func(state State) int { return state["n"] }, func(state State, n int) State { return s.with(state, "n", n) })
		s.fail("ship", nil, fault.FailedPrecondition)
		r := s.run(s.step("reserve"), sub, s.step("ship"))
		r.begin("1")
		if end := r.end("1", saga.Done); end.State["n"] != 1 || !slices.Contains(end.DoneSteps, "child/pay") {
			s.Errorf("the run is %+v, want n 1, and child/pay done", end)
		}
		s.calls = nil
		r.begin("2")
		if end := r.end("2", saga.Undone); end.State["n"] != 0 {
			s.Errorf("the state is %v, want n 0", end.State)
		}
		s.wantCalls("reserve", "pay", "ship", "undo ship", "undo pay", "undo reserve")
	}},
}

// untilParked waits until a step of run 1 is parked, and checks that the run is listed.
func (r *running) untilParked(step string) {
	r.s.Helper()
	const id = "1"
	got := r.untilWaiting(id, step, "operator")
	if got.Phase != saga.Parked {
		r.s.Errorf("the phase is %s, want parked", got.Phase)
	}
	stuck, err := r.Stuck(r.s.context(), patient*100, 10)
	if err != nil || len(stuck) != 1 || stuck[0].ID != id || stuck[0].Waits[0].Step != step {
		r.s.Errorf("stuck are %+v (%v), want run %s with step %s", stuck, err, id, step)
	}
}
