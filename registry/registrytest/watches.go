package registrytest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sinew-go/sinew/internal/suite"
	"github.com/sinew-go/sinew/registry"
)

func watches() []rule {
	return []rule{
		{
			Name: "FirstIsTheFullSet", Check: firstIsTheFullSet,
			Sentence: "the first thing that a watch gives is the full set",
		},
		{
			Name: "NobodyIsAnEmptySet", Check: nobodyIsAnEmptySet,
			Sentence: "a watch of a service that nobody registered begins with an empty set, and goes on",
		},
		{
			Name: "ChangesAreSeen", Check: changesAreSeen,
			Sentence: "each coming and going is seen by every watch of the service, and by no other",
		},
		{
			Name: "SlowReaderGetsTheNewest", Check: slowReaderGetsTheNewest,
			Sentence: "a reader that was slow gets the newest set next, not those in between",
		},
		{
			Name: "WatchEndsWithItsContext", Check: watchEndsWithItsContext,
			Sentence: "a watch ends when its context does, and gives no error for it",
		},
		{
			Name: "WatchEndsOnBreak", Check: watchEndsOnBreak,
			Sentence: "a watch ends when its reader breaks off, and can be begun again",
		},
		{
			Name: "ManyAtOnce", Check: manyAtOnce,
			Sentence: "many may register and deregister at once, and a watch ends up with those that are left",
		},
	}
}

func firstIsTheFullSet(s *subject) {
	r := s.registry()
	s.register(r, s.instance("1"), s.instance("2"), s.instance("3"))
	s.count(r, 3)
	for set, err := range r.Watch(s.ctx, s.service) {
		if err != nil || len(set) != 3 {
			s.Errorf("it gives %v, %v", ids(set), err)
		}
		return
	}
	s.Error("it gave nothing")
}

func nobodyIsAnEmptySet(s *subject) {
	r := s.registry()
	first := true
	ctx, cancel := context.WithTimeout(s.ctx, s.MaxDelay)
	defer cancel()
	for set, err := range r.Watch(ctx, s.service) {
		switch {
		case first && (err != nil || len(set) != 0):
			s.Fatalf("it begins with %v, %v", ids(set), err)
		case first:
			first = false
			s.register(r, s.instance("1"))
		case len(set) == 1:
			return
		}
	}
	s.Error("it did not go on to the first instance")
}

func changesAreSeen(s *subject) {
	r := s.registry()
	one, two := s.watch(r), s.watch(r)
	other := &subject{T: s.T, Features: s.Features, ctx: s.ctx, service: suite.Name()}
	elsewhere := other.watch(r)
	if set := s.next(elsewhere); len(set) != 0 {
		s.Fatalf("the other service begins with %v", ids(set))
	}
	see := func(n int) {
		s.Helper()
		for _, sets := range []<-chan []registry.Instance{one, two} {
			for set := s.next(sets); len(set) != n; set = s.next(sets) {
			}
		}
	}
	see(0)
	for n := 1; n <= 3; n++ {
		s.register(r, s.instance(fmt.Sprint(n)))
		see(n)
	}
	for n := 3; n >= 1; n-- {
		s.deregister(r, s.instance(fmt.Sprint(n)))
		see(n - 1)
	}
	select {
	case set := <-elsewhere:
		s.Errorf("the other service got %v", ids(set))
	default:
	}
}

func slowReaderGetsTheNewest(s *subject) {
	const changes = 20
	r := s.registry()
	first := true
	ctx, cancel := context.WithTimeout(s.ctx, 2*s.MaxDelay)
	defer cancel()
	for set, err := range r.Watch(ctx, s.service) {
		if err != nil {
			s.Fatal(err)
		}
		if first {
			first = false
			for n := range changes {
				s.register(r, s.instance(fmt.Sprint(n)))
			}
			s.count(r, changes) // seen by another watch, so it is there
			continue
		}
		if len(set) != changes {
			s.Errorf("after %d changes the next set has %d instances", changes, len(set))
		}
		return
	}
	s.Error("it gave nothing more")
}

func watchEndsWithItsContext(s *subject) {
	r := s.registry()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	ended := make(chan int, 1)
	started := make(chan struct{}, 1)
	go func() {
		seen := 0
		for _, err := range r.Watch(ctx, s.service) {
			if err != nil {
				seen += 100
			}
			seen++
			select {
			case started <- struct{}{}:
			default:
			}
		}
		ended <- seen
	}()
	<-started
	cancel()
	select {
	case seen := <-ended:
		if seen != 1 {
			s.Errorf("it gave %d things (an error counts as 100)", seen)
		}
	case <-time.After(s.MaxDelay):
		s.Fatal("it goes on")
	}
	for set, err := range r.Watch(ctx, s.service) {
		s.Errorf("begun after the end it gives %v, %v", ids(set), err)
		break
	}
}

func watchEndsOnBreak(s *subject) {
	r := s.registry()
	watch := r.Watch(s.ctx, s.service)
	for range 3 {
		for range watch {
			break
		}
	}
	s.register(r, s.instance("1"))
	s.count(r, 1)
}

func manyAtOnce(s *subject) {
	const many = 16
	r := s.registry()
	var all sync.WaitGroup
	for n := range many {
		all.Go(func() {
			i := s.instance(fmt.Sprint(n))
			for round := range 5 {
				if err := r.Register(s.ctx, i); err != nil {
					s.Errorf("Register: %v", err)
				}
				if round == 4 && n%2 == 0 {
					return
				}
				if err := r.Deregister(s.ctx, i.ID); err != nil {
					s.Errorf("Deregister: %v", err)
				}
			}
		})
	}
	all.Wait()
	s.count(r, many/2)
}

// next returns the next set of a watch.
func (s *subject) next(sets <-chan []registry.Instance) []registry.Instance {
	s.Helper()
	select {
	case set := <-sets:
		return set
	case <-time.After(s.MaxDelay):
		s.Fatalf("a watch has given nothing for %s", s.MaxDelay)
		return nil
	}
}

// eventually repeats a question until the answer is yes.
func (s *subject) eventually(what string, yes func() bool) {
	s.Helper()
	limit := time.NewTimer(s.MaxDelay)
	defer limit.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-again.C:
		case <-limit.C:
			s.Fatalf("%s: not so after %s", what, s.MaxDelay)
		}
	}
}
