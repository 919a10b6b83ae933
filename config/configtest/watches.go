package configtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/internal/suite"
)

func watches() []rule {
	return []rule{
		{
			Name: "FirstIsTheFullList", Unless: noWatch, Check: firstIsTheFullList,
			Sentence: "the first thing that a watch gives is the full list, also when that is empty",
		},
		{
			Name: "ChangesAreSeen", Unless: noWatch, Check: changesAreSeen,
			Sentence: "each write and deletion is seen by a watch of its service and environment",
		},
		{
			Name: "OthersAreNotSeen", Unless: noWatch, Check: othersAreNotSeen,
			Sentence: "a change in another environment or service is not in the list that a watch gives",
		},
		{
			Name: "SlowReaderGetsTheNewest", Unless: noWatch, Check: slowReaderGetsTheNewest,
			Sentence: "a reader that was slow gets the newest list",
		},
		{
			Name: "WatchEndsWithItsContext", Unless: noWatch, Check: watchEndsWithItsContext,
			Sentence: "a watch ends when its context does, and gives no error for it",
		},
	}
}

func (s *subject) watcher() config.Watcher {
	w, ok := s.store.(config.Watcher)
	if !ok {
		s.Fatal("the store is no config.Watcher; if it cannot be one, set Features.NoWatch")
	}
	return w
}

// until reads a watch until a list is as wanted. It calls first when the watch runs.
func (s *subject) until(wanted string, first func(), is func([]config.Configuration) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, s.MaxDelay)
	defer cancel()
	var last string
	for list, err := range s.watcher().Watch(ctx, s.service, "prod") {
		last = fmt.Sprint(list, err)
		if first != nil {
			first()
			first = nil
			continue
		}
		if err == nil && is(list) {
			return
		}
	}
	s.Fatalf("after %s a watch has not given %s; last it gave %s", s.MaxDelay, wanted, last)
}

func firstIsTheFullList(s *subject) {
	w := s.watcher()
	for want := range 3 {
		for list, err := range w.Watch(s.ctx, s.service, "prod") {
			if err != nil || len(list) != want {
				s.Errorf("with %d there it begins with %v, %v", want, list, err)
			}
			break
		}
		s.set(s.configuration(fmt.Sprint("key", want), want))
	}
}

func changesAreSeen(s *subject) {
	var c config.Configuration
	s.until("a new one", func() { c = s.set(s.configuration("x", "a")) }, func(list []config.Configuration) bool {
		return len(list) == 1 && list[0].Value == "a"
	})
	s.until("its change", func() { c.Value = "b"; s.set(c) }, func(list []config.Configuration) bool {
		return len(list) == 1 && list[0].Value == "b" && list[0].Version == 2
	})
	s.until("its deletion", func() {
		if err := s.store.Delete(s.ctx, s.service, "prod", "x"); err != nil {
			s.Fatal(err)
		}
	}, func(list []config.Configuration) bool { return len(list) == 0 })
}

func othersAreNotSeen(s *subject) {
	s.until("its own alone", func() {
		elsewhere, other := s.configuration("other", 1), s.configuration("other", 1)
		elsewhere.Environment, other.Service = "test", suite.Name()
		s.set(elsewhere)
		s.set(other)
		s.set(s.configuration("own", 1))
	}, func(list []config.Configuration) bool { return slices.Equal(keys(list), []string{"own"}) })
}

func slowReaderGetsTheNewest(s *subject) {
	s.until("the newest", func() {
		c := s.configuration("x", 0)
		for i := range 100 {
			c.Value = i
			c = s.set(c)
		}
	}, func(list []config.Configuration) bool { return len(list) == 1 && list[0].Version == 100 })
}

func watchEndsWithItsContext(s *subject) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	for _, err := range s.watcher().Watch(ctx, s.service, "prod") {
		if err != nil {
			s.Errorf("it gave %v", err)
		}
	}
	if ctx.Err() == nil {
		s.Error("it ended before its context")
	}
	for range s.watcher().Watch(ctx, s.service, "prod") {
		s.Error("it begins although its context has ended")
		return
	}
}
