package sagatest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

// gate returns a step that waits for an event, and notes it.
func (s *subject) gate(name string) saga.Step[State] {
	step := s.step(name)
	step.Do = nil
	step.Event = saga.On(func(_ context.Context, state State, value int) (State, error) {
		return s.with(state, name, value), s.note(name)
	})
	return step
}

var waiting = []rule{
	{Name: "Event", Sentence: "a step waits for its event, and a second one is ignored", Check: func(s *subject) {
		r := s.run(s.gate("paid"), s.gate("sent"))
		r.begin("1")
		got := r.untilWaiting("1", "paid", "event")
		if w := got.Waits[0]; w.Since.IsZero() || !w.Due.IsZero() {
			s.Errorf("the wait is %+v, want a beginning and no end", w)
		}
		s.must(r.Deliver(s.context(), "1", "paid", 3))
		s.must(r.Deliver(s.context(), "1", "paid", 4))
		r.untilWaiting("1", "sent", "event")
		s.must(r.Deliver(s.context(), "1", "paid", 5))
		s.must(r.Deliver(s.context(), "1", "sent", 6))
		if end := r.end("1", saga.Done); !equal(end.State, State{"paid": 3, "sent": 6}) {
			s.Errorf("the state is %v, want the first events", end.State)
		}
		s.must(r.Deliver(s.context(), "1", "paid", 7))
		s.wantCalls("paid", "sent")
	}},
	{Name: "EarlyEvent", Sentence: "an event that comes before its step is stored", Check: func(s *subject) {
		r := s.run(s.gate("first"), s.step("reserve"), s.gate("paid"))
		r.begin("1")
		s.must(r.Deliver(s.context(), "1", "paid", 3))
		s.must(r.Deliver(s.context(), "1", "first", 1))
		if end := r.end("1", saga.Done); end.State["paid"] != 3 {
			s.Errorf("the state is %v, want paid 3", end.State)
		}
		s.wantCalls("first", "reserve", "paid")
	}},
	{Name: "EventToNobody", Sentence: "an event that comes while no worker runs is stored", Check: func(s *subject) {
		r := s.run(s.gate("paid"))
		r.begin("1")
		r.untilWaiting("1", "paid", "event")
		r.stop()
		s.must(r.Deliver(s.context(), "1", "paid", 3))
		r.start()
		r.end("1", saga.Done)
	}},
	{Name: "EventOfOtherProcess", Sentence: "an event that another process delivers is found", Check: func(s *subject) {
		d := saga.Definition[State]{Name: "checkout", Steps: []saga.Step[State]{s.gate("paid")}}
		r := s.runDefinition(d)
		r.begin("1")
		r.untilWaiting("1", "paid", "event")
		s.must(s.open(d).Deliver(s.context(), "1", "paid", 3))
		r.end("1", saga.Done)
	}},
	{Name: "RefusedEvent", Sentence: "an event that its step refuses begins the undoing", Check: func(s *subject) {
		s.fail("paid", fault.FailedPrecondition)
		r := s.run(s.step("reserve"), s.gate("paid"))
		r.begin("1")
		s.must(r.Deliver(s.context(), "1", "paid", 3))
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "paid", "undo paid", "undo reserve")
	}},
	{Name: "EventTimeout", Sentence: "a step whose event does not come in time fails, and is not undone since it has not begun", Check: func(s *subject) {
		gate := s.gate("paid")
		gate.Timeout = 50 * time.Millisecond
		r := s.run(s.step("reserve"), gate)
		r.begin("1")
		if end := r.end("1", saga.Undone); !errors.Is(end.Cause, fault.DeadlineExceeded) {
			s.Errorf("the cause is %v, want deadline_exceeded", end.Cause)
		}
		s.wantCalls("reserve", "undo reserve")
	}},
	{Name: "EventElseDo", Sentence: "if the event does not come in time, Do is called if there is one", Check: func(s *subject) {
		gate := s.gate("paid")
		gate.Timeout = 50 * time.Millisecond
		gate.Do = func(_ context.Context, state State) (State, error) { return state, s.note("ask") }
		r := s.run(gate)
		r.begin("1")
		r.end("1", saga.Done)
		s.wantCalls("ask")
	}},
	{Name: "Pause", Sentence: "a pause delays its step, and the run says until when", Check: func(s *subject) {
		late := s.step("remind")
		late.Pause = 200 * time.Millisecond
		r := s.run(s.step("reserve"), late, saga.Step[State]{Name: "rest", Pause: time.Millisecond})
		began := time.Now()
		r.begin("1")
		got := r.untilWaiting("1", "remind", "timer")
		if w := got.Waits[0]; w.Due.Sub(w.Since) != late.Pause {
			s.Errorf("the wait is from %s to %s, want %s", w.Since, w.Due, late.Pause)
		}
		end := r.end("1", saga.Done)
		if took := time.Since(began); took < late.Pause-time.Millisecond { // a store may count in milliseconds
			s.Errorf("the run took %s with a pause of %s", took, late.Pause)
		}
		if !slices.Contains(end.DoneSteps, "rest") {
			s.Errorf("done are %q, want rest", end.DoneSteps)
		}
	}},
	{Name: "WaitForSteps", Sentence: "Wait with steps returns when they are done", Check: func(s *subject) {
		r := s.run(s.step("reserve"), s.gate("paid"))
		r.begin("1")
		got, err := r.Wait(s.context(), "1", "reserve")
		if err != nil || got.State["reserve"] != 1 || got.Phase != saga.Running {
			s.Errorf("the run is %+v (%v), want running, with reserve done", got, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err = r.Wait(ctx, "1")
		s.wantCode(err, fault.DeadlineExceeded, "1")
	}},
}
