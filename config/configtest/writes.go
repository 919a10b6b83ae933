package configtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/suite"
)

func writes() []rule {
	return []rule{
		{
			Name: "GetGivesWhatWasSet", Check: getGivesWhatWasSet,
			Sentence: "what was set is read back as Set returned it: with an id, version 1 and its times",
		},
		{
			Name: "NothingIsNotFound", Check: nothingIsNotFound,
			Sentence: "to get or delete what is not there is fault.NotFound, and a list of nothing is empty",
		},
		{
			Name: "VersionsCountUp", Check: versionsCountUp,
			Sentence: "each write counts the version up; the id and the time of creation stay",
		},
		{
			Name: "OtherVersionIsAborted", Check: otherVersionIsAborted,
			Sentence: "a write over another version than the one stored is fault.Aborted and changes nothing",
		},
		{
			Name: "OneOfManyWins", Check: oneOfManyWins,
			Sentence: "of many writers that read the same version, one succeeds",
		},
		{
			Name: "DeletedIsGone", Check: deletedIsGone,
			Sentence: "what is deleted is gone, and no version from before the deletion can be written over later",
		},
		{
			Name: "ServicesAndEnvironmentsAreApart", Check: apart,
			Sentence: "services and environments do not see each other's configurations",
		},
		{
			Name: "ListIsByKey", Check: listIsByKey,
			Sentence: "a list is in the order of the keys",
		},
		{
			Name: "EndedContextIsHeeded", Check: endedContextIsHeeded,
			Sentence: "a context that has ended stops every operation, with its error",
		},
	}
}

func getGivesWhatWasSet(s *subject) {
	stored := s.set(s.configuration("http.addr", ":8080"))
	if stored.ID == "" || stored.Version != 1 || stored.Type != config.String || stored.CreatedAt.IsZero() || !stored.UpdatedAt.Equal(stored.CreatedAt) {
		s.Errorf("Set gave %+v, id %q, type %q, created %s, updated %s", stored, stored.ID, stored.Type, stored.CreatedAt, stored.UpdatedAt)
	}
	got := s.get("http.addr")
	want, _ := json.Marshal(stored)
	have, _ := json.Marshal(got)
	if string(want) != string(have) {
		s.Errorf("Get gave %s after Set gave %s", have, want)
	}
}

func nothingIsNotFound(s *subject) {
	if _, err := s.store.Get(s.ctx, s.service, "prod", "x"); !errors.Is(err, fault.NotFound) {
		s.Errorf("Get: %v", err)
	}
	if err := s.store.Delete(s.ctx, s.service, "prod", "x"); !errors.Is(err, fault.NotFound) {
		s.Errorf("Delete: %v", err)
	}
	if all := s.list(s.service, "prod"); len(all) != 0 {
		s.Errorf("List: %v", all)
	}
}

func versionsCountUp(s *subject) {
	first := s.set(s.configuration("x", "a"))
	c := first
	for want := 2; want < 5; want++ {
		c.Value = fmt.Sprint(want)
		if c = s.set(c); c.Version != want || c.ID != first.ID || !c.CreatedAt.Equal(first.CreatedAt) || c.UpdatedAt.Before(first.UpdatedAt) {
			s.Fatalf("write %d gave %v, id %s after %s", want, c, c.ID, first.ID)
		}
	}
	if got := s.get("x"); got.Version != 4 || got.Value != "4" {
		s.Errorf("Get gave %v", got)
	}
}

func otherVersionIsAborted(s *subject) {
	c := s.set(s.configuration("x", "a"))
	c.Value = "b"
	c = s.set(c)
	for _, version := range []int{0, 1, 3} {
		c.Version, c.Value = version, "late"
		if _, err := s.store.Set(s.ctx, c); !errors.Is(err, fault.Aborted) {
			s.Errorf("version %d over 2: %v", version, err)
		}
	}
	if got := s.get("x"); got.Value != "b" || got.Version != 2 {
		s.Errorf("there is now %v", got)
	}
	unknown := s.configuration("y", "a")
	unknown.Version = 1
	if _, err := s.store.Set(s.ctx, unknown); !errors.Is(err, fault.Aborted) {
		s.Errorf("version 1 over nothing: %v", err)
	}
}

func oneOfManyWins(s *subject) {
	base := s.set(s.configuration("x", json.Number("0")))
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			c := base
			c.Value = i + 1
			switch _, err := s.store.Set(s.ctx, c); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, fault.Aborted):
				s.Errorf("writer %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if got := s.get("x"); won.Load() != 1 || got.Version != 2 {
		s.Errorf("%d of 16 writers succeeded, and there is %v", won.Load(), got)
	}
}

func deletedIsGone(s *subject) {
	c := s.set(s.configuration("x", "a"))
	if err := s.store.Delete(s.ctx, s.service, "prod", "x"); err != nil {
		s.Fatal(err)
	}
	if _, err := s.store.Get(s.ctx, s.service, "prod", "x"); !errors.Is(err, fault.NotFound) {
		s.Errorf("Get: %v", err)
	}
	if all := s.list(s.service, "prod"); len(all) != 0 {
		s.Errorf("List: %v", all)
	}
	again := s.set(s.configuration("x", "b"))
	if again.Version <= c.Version {
		s.Errorf("it came back with version %d after %d", again.Version, c.Version)
	}
	c.Value = "from before"
	if _, err := s.store.Set(s.ctx, c); !errors.Is(err, fault.Aborted) {
		s.Errorf("a write over the deleted version: %v", err)
	}
}

func apart(s *subject) {
	s.set(s.configuration("x", "prod"))
	test := s.configuration("x", "test")
	test.Environment = "test"
	s.set(test)
	everywhere := s.configuration("y", "everywhere")
	everywhere.Environment = ""
	s.set(everywhere)
	other := s.configuration("z", "other")
	other.Service = suite.Name()
	s.set(other)
	if got := s.get("x"); got.Value != "prod" {
		s.Errorf("Get gave %v", got)
	}
	for _, c := range []struct {
		service, environment string
		want                 []string
	}{
		{s.service, "prod", []string{"x"}}, {s.service, "test", []string{"x"}}, {s.service, "", []string{"y"}},
		{s.service, "stage", []string{}}, {other.Service, "prod", []string{"z"}}, {other.Service, "", []string{}},
	} {
		if got := s.list(c.service, c.environment); !slices.Equal(got, c.want) {
			s.Errorf("List %s %q gave %v, not %v", c.service, c.environment, got, c.want)
		}
	}
}

func listIsByKey(s *subject) {
	for _, key := range []string{"b", "a.z", "c", "a", "a.b"} {
		s.set(s.configuration(key, true))
	}
	if got := s.list(s.service, "prod"); !slices.Equal(got, []string{"a", "a.b", "a.z", "b", "c"}) {
		s.Errorf("it gave %v", got)
	}
}

func endedContextIsHeeded(s *subject) {
	s.set(s.configuration("x", "a"))
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, get := s.store.Get(ctx, s.service, "prod", "x")
	_, list := s.store.List(ctx, s.service, "prod")
	_, set := s.store.Set(ctx, s.configuration("y", "a"))
	for _, c := range []struct {
		operation string
		err       error
	}{
		{operation: "Get", err: get},
		{operation: "List", err: list},
		{operation: "Set", err: set},
		{operation: "Delete", err: s.store.Delete(ctx, s.service, "prod", "x")},
	} {
		if !errors.Is(c.err, context.Canceled) {
			s.Errorf("%s: %v", c.operation, c.err)
		}
	}
	if got := s.list(s.service, "prod"); !slices.Equal(got, []string{"x"}) {
		s.Errorf("there is now %v", got)
	}
}
