package sagatest

import (
	"slices"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

var operating = []rule{
	{Name: "Cancel", Sentence: "a Cancel undoes a run that waits", Check: func(s *subject) {
		r := s.run(s.step("reserve"), s.gate("paid"))
		r.begin("1")
		r.untilWaiting("1", "paid", "event")
		s.must(r.Cancel(s.context(), "1"))
		end := r.end("1", saga.Undone)
		s.wantCode(end.Cause, fault.Canceled, "operator")
		s.wantCalls("reserve", "undo reserve")
		s.wantCode(r.Cancel(s.context(), "1"), fault.FailedPrecondition, "ended")
	}},
	{Name: "CancelOfStep", Sentence: "a Cancel ends the context of a step that runs, and undoes it", Check: func(s *subject) {
		begun := make(chan struct{}, 1)
		r := s.run(s.step("reserve"), s.blocked("pay", begun))
		r.begin("1")
		<-begun
		s.must(r.Cancel(s.context(), "1"))
		r.end("1", saga.Undone)
		s.wantCalls("reserve", "pay", "undo pay", "undo reserve")
	}},
	{Name: "Retry", Sentence: "Retry makes a step that waits for an attempt run now", Check: func(s *subject) {
		s.fail("pay", fault.Unavailable)
		r := s.runDefinition(saga.Definition[State]{Name: "checkout", Steps: []saga.Step[State]{s.step("pay")}, Retry: saga.RetryPolicy{Backoff: 24 * time.Hour}})
		r.begin("1")
		if w := r.untilWaiting("1", "pay", "retry").Waits[0]; w.Due.Sub(w.Since) < 24*time.Hour {
			s.Errorf("the wait is %+v, want a day", w)
		}
		s.must(r.Retry(s.context(), "1"))
		r.end("1", saga.Done)
		s.wantCalls("pay", "pay")
	}},
	{Name: "Skip", Sentence: "Skip passes over a step, whether it waits, runs, or has not been reached", Check: func(s *subject) {
		begun := make(chan struct{}, 1)
		r := s.run(s.gate("paid"), s.blocked("pay", begun), s.step("ship"), s.step("thank"))
		r.begin("1")
		r.untilWaiting("1", "paid", "event")
		s.must(r.Skip(s.context(), "1", "ship"))
		s.must(r.Skip(s.context(), "1", "paid"))
		<-begun
		s.must(r.Skip(s.context(), "1", "pay"))
		r.end("1", saga.Done)
		s.wantCalls("pay", "thank")
		s.wantCode(r.Skip(s.context(), "1", "thank"), fault.FailedPrecondition, "1")
	}},
	{Name: "SkippedIsUndone", Sentence: "a skipped step that had begun is undone with the run, and one that had not is not", Check: func(s *subject) {
		begun := make(chan struct{}, 1)
		s.fail("ship", fault.FailedPrecondition)
		r := s.run(s.gate("paid"), s.blocked("pay", begun), s.step("ship"))
		r.begin("1")
		s.must(r.Skip(s.context(), "1", "paid"))
		<-begun
		s.must(r.Skip(s.context(), "1", "pay"))
		r.end("1", saga.Undone)
		s.wantCalls("pay", "ship", "undo ship", "undo pay")
	}},
	{Name: "LateEvent", Sentence: "an event for a step that is parked because it did not come in time sets the run going", Check: func(s *subject) {
		pivot, gate := s.step("pay"), s.gate("paid")
		pivot.Pivot, gate.Timeout = true, 20*time.Millisecond
		r := s.run(pivot, gate)
		r.begin("1")
		r.untilParked("paid")
		s.must(r.Deliver(s.context(), "1", "paid", 3))
		r.end("1", saga.Done)
	}},
}

var observing = []rule{
	{Name: "History", Sentence: "the history says what has happened to which step, when, in which attempt, and who did it", Check: func(s *subject) {
		s.fail("pay", fault.Unavailable.Errorf("down"), fault.FailedPrecondition.Errorf("declined"))
		r := s.run(s.step("reserve"), s.step("pay"))
		r.begin("1")
		end := r.end("1", saga.Undone)
		var got []string
		last := end.Started
		for _, e := range end.History {
			got = append(got, string(e.What)+" "+e.Step)
			if e.Time.Before(last) {
				s.Errorf("an entry is of %s, after one of %s", e.Time, last)
			}
			if last = e.Time; e.What != "started" && e.Worker == "" {
				s.Errorf("entry %+v has no worker", e)
			}
		}
		want := []string{"started ", "done reserve", "repeated pay", "failed pay", "undone pay", "undone reserve", "run_undone "}
		if !slices.Equal(got, want) {
			s.Fatalf("the history is %q, want %q", got, want)
		}
		if e := end.History[2]; e.Attempt != 1 || e.Error != "unavailable: down" {
			s.Errorf("the first attempt is %+v, want 1, and its error", e)
		}
		if e := end.History[3]; e.Attempt != 2 || e.Error != "failed_precondition: declined" {
			s.Errorf("the second attempt is %+v, want 2, and its error", e)
		}
		if e := end.History[4]; !e.Undo {
			s.Errorf("the entry %+v is not of an Undo", e)
		}
	}},
	{Name: "Stuck", Sentence: "runs are stuck that have not moved for long, unless a timer will move them", Check: func(s *subject) {
		pause := s.step("remind")
		pause.Pause = 24 * time.Hour
		r := s.runDefinition(saga.Definition[State]{Name: "checkout", Steps: []saga.Step[State]{s.gate("paid"), pause}})
		for _, id := range []string{"paused", "waiting"} {
			r.begin(id)
			r.untilWaiting(id, "paid", "event")
		}
		s.must(r.Deliver(s.context(), "paused", "paid", 1))
		r.untilWaiting("paused", "remind", "timer")
		stuck, err := r.Stuck(s.context(), 0, 10)
		if err != nil || len(stuck) != 1 || stuck[0].ID != "waiting" || stuck[0].Waits[0].Step != "paid" {
			s.Errorf("stuck are %+v (%v), want the run that waits for an event", stuck, err)
		}
		if stuck, err := r.Stuck(s.context(), time.Hour, 10); err != nil || len(stuck) != 0 {
			s.Errorf("stuck for an hour are %+v (%v), want none", stuck, err)
		}
		if stuck, err := r.Stuck(s.context(), 0, 0); err != nil || len(stuck) != 0 {
			s.Errorf("at most none are %+v (%v), want none", stuck, err)
		}
	}},
}
