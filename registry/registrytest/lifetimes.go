package registrytest

import (
	"sync"

	"github.com/sinew-go/sinew/registry"
)

func lifetimes() []rule {
	return []rule{
		{
			Name: "RenewsItself", Check: renewsItself,
			Sentence: "a registration stays healthy by itself, however long",
		},
		{
			Name: "NothingAfterDeregister", Check: nothingAfterDeregister,
			Sentence: "nothing is written for an id after Deregister returned, whatever else was going on",
		},
		{
			Name: "ExpiresWithItsProcess", Unless: cannotCrash, Check: expiresWithItsProcess,
			Sentence: "an instance whose process died is soon not healthy any more, and others are",
		},
		{
			Name: "StatusOutlivesRenewal", Check: statusOutlivesRenewal,
			Sentence: "a status that was set stays through renewals",
		},
		{
			Name: "ReturnsWhenLost", Unless: cannotLose, Check: returnsWhenLost,
			Sentence: "an instance that the registry lost comes back as it was, to watches that were there before too",
		},
		{
			Name: "DeregisteredStaysAway", Unless: cannotLose, Check: deregisteredStaysAway,
			Sentence: "an instance that was deregistered does not come back when the registry loses the others",
		},
	}
}

func renewsItself(s *subject) {
	r := s.registry()
	s.register(r, s.instance("1"))
	s.count(r, 1)
	s.during(r, 4*s.TTL, "a living instance was lost", func(set []registry.Instance) bool {
		return len(healthy(set)) == 1
	})
}

func nothingAfterDeregister(s *subject) {
	r := s.registry()
	for range 20 {
		i := s.instance("1")
		s.register(r, i)
		var status sync.WaitGroup
		for range 4 {
			status.Go(func() { _ = r.SetStatus(s.ctx, i.ID, registry.Healthy) })
		}
		s.deregister(r, i)
		status.Wait()
	}
	s.count(r, 0)
	s.during(r, 2*s.TTL, "a deregistered instance came back", func(set []registry.Instance) bool {
		return len(set) == 0
	})
}

func expiresWithItsProcess(s *subject) {
	dies, lives := s.registry(), s.registry()
	gone, stays := s.instance("1"), s.instance("2")
	s.register(dies, gone)
	s.register(lives, stays)
	s.count(lives, 2)
	s.Crash(s.T, dies)
	s.until(lives, "the survivor alone as healthy", func(set []registry.Instance) bool {
		well := healthy(set)
		return len(well) == 1 && well[0].ID == stays.ID
	})
	s.during(lives, 2*s.TTL, "the wrong ones are healthy", func(set []registry.Instance) bool {
		well := healthy(set)
		return len(well) == 1 && well[0].ID == stays.ID
	})
}

func statusOutlivesRenewal(s *subject) {
	r := s.registry()
	i := s.instance("1")
	s.register(r, i)
	if err := r.SetStatus(s.ctx, i.ID, registry.Unknown); err != nil {
		s.Fatal(err)
	}
	unknown := func(set []registry.Instance) bool { return len(set) == 1 && set[0].Status == registry.Unknown }
	s.until(r, "the status", unknown)
	s.during(r, 2*s.TTL, "the status is another", unknown)
}

func returnsWhenLost(s *subject) {
	r := s.registry()
	i := s.instance("1")
	before := s.watch(r)
	s.register(r, i)
	for set := s.next(before); len(set) != 1; set = s.next(before) {
	}
	first := s.count(r, 1)[0]
	s.Lose(s.T)
	again := s.count(r, 1)[0]
	if again.Endpoint != i.Endpoint || again.Zone() != i.Zone() || !again.RegisteredAt.Equal(first.RegisteredAt) {
		s.Errorf("it was %+v\nand is %+v", first, again)
	}
	i.Version = "after"
	s.register(r, i)
	for set := s.next(before); len(set) != 1 || set[0].Version != "after"; set = s.next(before) {
	}
}

func deregisteredStaysAway(s *subject) {
	r := s.registry()
	gone, stays := s.instance("1"), s.instance("2")
	s.register(r, gone, stays)
	s.count(r, 2)
	s.deregister(r, gone)
	s.Lose(s.T)
	s.count(r, 1)
	s.during(r, 3*s.TTL, "a deregistered instance came back", func(set []registry.Instance) bool {
		_, back := find(set, gone.ID)
		return !back
	})
}
