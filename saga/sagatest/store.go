package sagatest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/suite"
	"github.com/sinew-go/sinew/saga"
)

// RunStore runs the rules of a store, each with a store that has no runs. open returns that
// store as another process would have it, once for each call.
func RunStore(t *testing.T, f Features, open func(t *testing.T) func() saga.Store) {
	t.Helper()
	suite.Suite[Features, *storeSubject]{
		Rules: storing, Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *storeSubject {
			next := open(t)
			return &storeSubject{T: t, Store: next(), open: next}
		},
	}.Run(t)
}

var storing = []suite.Rule[Features, *storeSubject]{
	{Name: "Insert", Sentence: "a run is stored once, and the second one is told of the first", Check: func(s *storeSubject) {
		s.insert("1")
		existing, err := s.Insert(s.Context(), saga.Record{Saga: name, ID: "1", Version: 1, Phase: saga.Running, Data: []byte("other")}, nil)
		if err != nil || existing == nil || string(existing.Data) != "data" {
			s.Errorf("the second insert returned %+v (%v), want the first run", existing, err)
		}
		got, err := s.Get(s.Context(), name, "1")
		if err != nil || got == nil || got.ID != "1" || got.Version != 1 || got.Phase != saga.Running || got.Started.IsZero() || got.Moved.IsZero() {
			s.Errorf("the run is %+v (%v)", got, err)
		}
		for _, id := range []string{"2", "1 ", "1\t", "", "é"} {
			if other, err := s.Get(s.Context(), name, id); err != nil || other != nil {
				s.Errorf("run %q is %+v (%v), want none", id, other, err)
			}
		}
		if history, err := s.History(s.Context(), name, "1"); err != nil || len(history) != 1 || !history[0].Time.Equal(got.Started) {
			s.Errorf("the history is %+v (%v), want one entry of %s", history, err, got.Started)
		}
	}},
	{Name: "IDs", Sentence: "IDs that differ in case, or in a blank at the end, are of different runs", Check: func(s *storeSubject) {
		ids := []string{"a", "A", "a ", "ä", "a\n", "%", "'"}
		for _, id := range ids {
			s.insert(id)
		}
		if got := s.claim(long, 100); len(got) != len(ids) {
			s.Errorf("%d runs, want %d", len(got), len(ids))
		}
	}},
	{Name: "OneWorker", Sentence: "of workers that claim at the same time, one gets each run", Check: func(s *storeSubject) {
		const runs, workers = 30, 4
		for i := range runs {
			s.insert(fmt.Sprint(i))
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		claimed := map[string]int{}
		for range workers {
			store := s.open()
			all.Go(func() {
				for empty := 0; empty < 5; {
					got, err := store.Claim(s.Context(), name, versions, long, 3)
					if err != nil {
						s.Error(err)
						return
					}
					if len(got) == 0 {
						empty++
					}
					mu.Lock()
					for _, c := range got {
						claimed[c.ID]++
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for id, n := range claimed {
			if n != 1 {
				s.Errorf("run %s was claimed %d times", id, n)
			}
		}
		if rest := s.claim(long, 100); len(claimed)+len(rest) != runs {
			s.Errorf("%d runs were claimed, and %d are left, of %d", len(claimed), len(rest), runs)
		}
	}},
	{Name: "Fencing", Sentence: "a worker whose lease has expired can neither save nor renew once another one has claimed the run", Check: func(s *storeSubject) {
		s.insert("1")
		old := s.claim(short, 1)[0]
		next := s.eventually("the lease expires", func() []saga.Claim { return s.claim(long, 1) })[0]
		if !next.Interrupted || old.Interrupted || next.Token <= old.Token {
			s.Errorf("the claims are %+v and %+v, want a greater token, and interrupted", old, next)
		}
		s.wantLost(s.Save(s.Context(), old, saga.Update{Phase: saga.Done, Data: []byte("old"), History: []saga.Entry{{What: "done"}}}))
		s.wantLost(s.Save(s.Context(), old, saga.Update{Phase: saga.Done, Data: []byte("old"), Release: true}))
		s.wantLost(s.Renew(s.Context(), old, long))
		s.save(next, saga.Update{Phase: saga.Undoing, Data: []byte("new")})
		got, err := s.Get(s.Context(), name, "1")
		if err != nil || string(got.Data) != "new" || got.Phase != saga.Undoing {
			s.Errorf("the run is %+v (%v), want what the new worker saved", got, err)
		}
		if history, err := s.History(s.Context(), name, "1"); err != nil || len(history) != 1 {
			s.Errorf("the history is %+v (%v), want nothing of the old worker", history, err)
		}
	}},
	{Name: "Renewal", Sentence: "a lease that is renewed does not expire, and an expired one can be renewed until another claims the run", Check: func(s *storeSubject) {
		s.insert("1")
		c := s.claim(short, 1)[0]
		<-time.After(2 * short)
		if err := s.Renew(s.Context(), c, long); err != nil {
			s.Fatal(err)
		}
		if err := s.Renew(s.Context(), c, long); err != nil {
			s.Fatal(err)
		}
		if got := s.claim(long, 1); len(got) != 0 {
			s.Errorf("another worker has claimed %+v", got)
		}
	}},
	{Name: "Release", Sentence: "a run that was released is due when it is to be, not sooner, and its claim is over", Check: func(s *storeSubject) {
		s.insert("1")
		c := s.claim(long, 1)[0]
		s.save(c, saga.Update{Phase: saga.Running, Data: []byte("a"), Release: true, Due: c.Now.Add(8 * short)})
		s.wantLost(s.Save(s.Context(), c, saga.Update{Phase: saga.Running, Data: []byte("b")}))
		next := s.eventually("the run is due", func() []saga.Claim { return s.claim(long, 1) })[0]
		if next.Interrupted || string(next.Data) != "a" || next.Now.Before(c.Now.Add(8*short-time.Millisecond)) {
			s.Errorf("the claim is %+v, want one of data a at %s", next, c.Now.Add(8*short))
		}
		s.save(next, saga.Update{Phase: saga.Running, Data: []byte("c"), Release: true})
		<-time.After(short)
		if got := s.claim(long, 1); len(got) != 0 {
			s.Errorf("a run that waits for a message is due: %+v", got)
		}
	}},
	{Name: "Versions", Sentence: "a worker claims runs of the versions that it knows", Check: func(s *storeSubject) {
		s.insert("1")
		if got, err := s.Claim(s.Context(), name, []int{2, 3}, long, 10); err != nil || len(got) != 0 {
			s.Errorf("claimed are %+v (%v), want none", got, err)
		}
		if got, err := s.Claim(s.Context(), "other", versions, long, 10); err != nil || len(got) != 0 {
			s.Errorf("claimed are %+v (%v), want none of another saga", got, err)
		}
		if got, err := s.Stuck(s.Context(), name, []int{2, 3}, long, 10); err != nil || len(got) != 1 {
			s.Errorf("stuck are %+v (%v), want the run of an unknown version", got, err)
		}
	}},
	{Name: "Messages", Sentence: "messages are numbered from 1, wake a run that waits, and are read in order", Check: func(s *storeSubject) {
		s.insert("1")
		c := s.claim(long, 1)[0]
		s.save(c, saga.Update{Phase: saga.Running, Data: []byte("a"), Release: true})
		s.send("1", "one")
		c = s.claim(long, 1)[0]
		s.send("1", "two")
		got, err := s.Messages(s.Context(), name, "1", 0)
		if err != nil || len(got) != 2 || got[0].N != 1 || string(got[0].Data) != "one" || got[1].N != 2 || c.Sent != 1 {
			s.Errorf("the messages are %+v (%v) with Sent %d, want one and two, and 1", got, err, c.Sent)
		}
		s.save(c, saga.Update{Phase: saga.Running, Data: []byte("b"), Read: 1, Release: true})
		c = s.claim(long, 1)[0] // of two was nothing known
		if got, err := s.Messages(s.Context(), name, "1", 1); err != nil || len(got) != 1 || got[0].N != 2 {
			s.Errorf("the messages are %+v (%v), want two", got, err)
		}
		s.save(c, saga.Update{Phase: saga.Done, Data: []byte("c"), Read: 2, Release: true})
		s.send("1", "three")
		if got := s.claim(long, 1); len(got) != 0 {
			s.Errorf("a run that has ended is due: %+v", got)
		}
		if exists, err := s.Send(s.Context(), name, "2", []byte("x")); err != nil || exists {
			s.Errorf("a message to no run was stored (%v)", err)
		}
	}},
	{Name: "NoLostWakeUp", Sentence: "a message that is sent while the run is released is read", Check: func(s *storeSubject) {
		const senders, each = 4, 25
		s.insert("1")
		var sending sync.WaitGroup
		for range senders {
			store := s.open()
			sending.Go(func() {
				for range each {
					if exists, err := store.Send(s.Context(), name, "1", []byte("m")); err != nil || !exists {
						s.Errorf("a message was not sent: %v", err)
					}
				}
			})
		}
		read := int64(0)
		for end := time.Now().Add(patient); read < senders*each && time.Now().Before(end); {
			claims := s.claim(long, 1)
			if len(claims) == 0 {
				<-time.After(time.Millisecond)
				continue
			}
			got, err := s.Messages(s.Context(), name, "1", read)
			if err != nil {
				s.Fatal(err)
			}
			for _, m := range got {
				if m.N != read+1 {
					s.Fatalf("message %d follows %d", m.N, read)
				}
				read = m.N
			}
			s.save(claims[0], saga.Update{Phase: saga.Running, Data: []byte("a"), Read: read, Release: true})
		}
		sending.Wait()
		if read != senders*each {
			s.Errorf("%d messages were read of %d, and the run is not due", read, senders*each)
		}
	}},
	{Name: "History", Sentence: "the history of a run is in the order of its saves, over several claims", Check: func(s *storeSubject) {
		s.insert("1")
		for i := range 3 {
			c := s.claim(long, 1)[0]
			for j := range 2 {
				s.save(c, saga.Update{Phase: saga.Running, Data: []byte("a"), History: []saga.Entry{{What: "done", Step: fmt.Sprint(i, j, "a")}, {What: "done", Step: fmt.Sprint(i, j, "b")}}})
			}
			s.save(c, saga.Update{Phase: saga.Running, Data: []byte("a"), Release: true, Due: c.Now})
		}
		history, err := s.History(s.Context(), name, "1")
		if err != nil || len(history) != 13 || !slices.IsSortedFunc(history[1:], func(a, b saga.Entry) int { return slices.Compare([]byte(a.Step), []byte(b.Step)) }) {
			s.Errorf("the history is %+v (%v)", history, err)
		}
	}},
	{Name: "Count", Sentence: "runs are counted by phase, with the oldest that has not ended", Check: func(s *storeSubject) {
		for _, id := range []string{"1", "2", "3"} {
			s.insert(id)
		}
		c := s.claim(long, 1)[0]
		s.save(c, saga.Update{Phase: saga.Done, Data: []byte("a"), Release: true})
		<-time.After(short)
		got, err := s.Count(s.Context(), name)
		if err != nil || got.Runs[saga.Running] != 2 || got.Runs[saga.Done] != 1 || got.Oldest < short-time.Millisecond || got.Overdue < short-time.Millisecond {
			s.Errorf("the counts are %+v (%v), want 2 running, 1 done, both older than %s", got, err, short)
		}
	}},
}
