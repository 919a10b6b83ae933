package sagatest

import (
	"context"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

// parallel returns a step with branches.
func parallel(branches ...saga.Step[State]) saga.Step[State] {
	return saga.Step[State]{Name: "both", Parallel: branches}
}

// blocked returns a step that blocks until its context ends, and says when it has begun.
func (s *subject) blocked(name string, begun chan<- struct{}) saga.Step[State] {
	step := s.step(name)
	step.Do = func(ctx context.Context, state State) (State, error) {
		err := s.note(name)
		begun <- struct{}{}
		<-ctx.Done()
		if err == nil {
			err = ctx.Err()
		}
		return state, err
	}
	return step
}

var branching = []rule{
	{Name: "Parallel", Sentence: "branches run at the same time, and their changes are put together", Check: func(s *subject) {
		meet := make(chan struct{})
		a, b := s.step("a"), s.step("b")
		a.Do = func(ctx context.Context, state State) (State, error) {
			select {
			case meet <- struct{}{}:
			case <-ctx.Done():
			}
			return s.with(state, "a", 1), ctx.Err()
		}
		b.Do = func(ctx context.Context, state State) (State, error) {
			select {
			case <-meet:
			case <-ctx.Done():
			}
			return s.with(state, "b", 2), ctx.Err()
		}
		branch := saga.Step[State]{Name: "c", Steps: []saga.Step[State]{s.step("d"), s.step("e")}}
		r := s.run(parallel(a, b, branch), s.step("ship"))
		s.must(r.Start(s.context(), "1", State{"from": 7}))
		end := r.end("1", saga.Done)
		if want := (State{"from": 7, "a": 1, "b": 2, "d": 1, "e": 1, "ship": 1}); !equal(end.State, want) {
			s.Errorf("the state is %v, want %v", end.State, want)
		}
		s.wantCalls("d", "e", "ship")
	}},
	{Name: "Contradiction", Sentence: "two branches that change one field differently fail the step, which the cause names", Check: func(s *subject) {
		one, two := s.step("one"), s.step("two")
		one.Do = func(_ context.Context, state State) (State, error) { return s.with(state, "price", 1), s.note("one") }
		two.Do = func(_ context.Context, state State) (State, error) { return s.with(state, "price", 2), nil }
		r := s.run(parallel(one, two))
		r.begin("1")
		end := r.end("1", saga.Undone)
		s.wantCode(end.Cause, fault.Internal, `price`)
		s.wantCode(end.Cause, fault.Internal, `step both`)
		if n := len(s.calls); n != 3 {
			s.Errorf("the calls are %q, want two Undos", s.calls)
		}
	}},
	{Name: "Agreement", Sentence: "two branches may change one field alike", Check: func(s *subject) {
		same := func(name string) saga.Step[State] {
			return saga.Step[State]{Name: name, Do: func(_ context.Context, state State) (State, error) { return s.with(state, "n", 1), nil }}
		}
		r := s.run(parallel(same("a"), same("b")))
		r.begin("1")
		if end := r.end("1", saga.Done); end.State["n"] != 1 {
			s.Errorf("the state is %v, want n 1", end.State)
		}
	}},
	{Name: "FailedBranch", Sentence: "after a branch has failed the contexts of the others end, and all are undone", Check: func(s *subject) {
		begun := make(chan struct{}, 1)
		failing := s.step("a")
		failing.Do = func(_ context.Context, state State) (State, error) {
			<-begun
			return state, fault.FailedPrecondition.Errorf("no")
		}
		r := s.run(s.step("reserve"), parallel(failing, s.blocked("b", begun)), s.step("ship"))
		r.begin("1")
		end := r.end("1", saga.Undone)
		s.wantCode(end.Cause, fault.FailedPrecondition, "both/a")
		slices.Sort(s.calls[2:4])
		s.wantCalls("reserve", "b", "undo a", "undo b", "undo reserve")
	}},
	{Name: "UndoOfBranches", Sentence: "the Undos of branches that were put together get the common state, in reverse order", Check: func(s *subject) {
		s.fail("ship", fault.FailedPrecondition)
		sequence := func(name string) saga.Step[State] {
			return saga.Step[State]{Name: name, Steps: []saga.Step[State]{s.step(name + "1"), s.step(name + "2")}}
		}
		r := s.run(parallel(sequence("a"), sequence("b")), s.step("ship"))
		r.begin("1")
		end := r.end("1", saga.Undone)
		if !equal(end.State, State{}) {
			s.Errorf("the state is %v, want all fields back at 0", end.State)
		}
		var does, undos []string
		for _, c := range s.calls {
			if name, isUndo := strings.CutPrefix(c, "undo "); isUndo {
				undos = append(undos, name)
			} else {
				does = append(does, c)
			}
		}
		for _, name := range []string{"a", "b"} {
			if slices.Index(undos, name+"2") > slices.Index(undos, name+"1") || len(undos) != len(does) {
				s.Errorf("%q were undone as %q", does, undos)
			}
		}
	}},
}
