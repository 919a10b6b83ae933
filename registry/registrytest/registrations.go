package registrytest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/suite"
	"github.com/sinew-go/sinew/registry"
)

func registrations() []rule {
	return []rule{
		{
			Name: "EveryFieldSurvives", Check: everyFieldSurvives,
			Sentence: "a watcher sees an instance with every field it was registered with, and the times of its registration",
		},
		{
			Name: "RegisterReplaces", Check: registerReplaces,
			Sentence: "Register of an id that is there replaces the instance and keeps the time it was first registered",
		},
		{
			Name: "RegisterMovesBetweenServices", Check: registerMoves,
			Sentence: "an id registered under another service name is gone from the first",
		},
		{
			Name: "EmptyStatusIsHealthy", Check: emptyStatusIsHealthy,
			Sentence: "an instance registered without a status is healthy",
		},
		{
			Name: "StatusIsSeen", Check: statusIsSeen,
			Sentence: "SetStatus is seen by watchers, in each of the three values",
		},
		{
			Name: "StatusOfNobody", Check: statusOfNobody,
			Sentence: "SetStatus of an id that is not registered is NotFound, and of no known status InvalidArgument",
		},
		{
			Name: "DeregisterTwice", Check: deregisterTwice,
			Sentence: "Deregister removes the instance; again, or of an id never seen, it is no error",
		},
		{
			Name: "EndedContextIsSaid", Check: endedContextIsSaid,
			Sentence: "Register with a context that has ended fails with its class and writes nothing",
		},
		{
			Name: "CallersKeepTheirOwn", Check: callersKeepTheirOwn,
			Sentence: "what the caller does to an instance after Register changes nothing",
		},
		{
			Name: "ServicesByTags", Check: servicesByTags,
			Sentence: "Services lists the instances of all services that have all of the tags",
		},
	}
}

func everyFieldSurvives(s *subject) {
	r := s.registry()
	want := s.instance("1")
	s.register(r, want)
	got := s.count(r, 1)[0]
	if got.RegisteredAt.IsZero() || got.UpdatedAt.IsZero() || got.LastHeartbeat.IsZero() {
		s.Errorf("a time is missing: registered %s, updated %s, heartbeat %s", got.RegisteredAt, got.UpdatedAt, got.LastHeartbeat)
	}
	if got.ID != want.ID || got.Name != want.Name || got.Version != want.Version || got.Endpoint != want.Endpoint ||
		got.HealthCheck != want.HealthCheck || got.Status != want.Status ||
		!maps.Equal(got.Metadata, want.Metadata) || !slices.Equal(got.Tags, want.Tags) {
		s.Errorf("registered %+v\n     read %+v", want, got)
	}
}

func registerReplaces(s *subject) {
	r := s.registry()
	i := s.instance("1")
	s.register(r, i)
	first := s.count(r, 1)[0]
	i.Version, i.Endpoint = "2.0.0", "http://10.9.9.9:9090"
	s.register(r, i)
	second := s.until(r, "the new version alone", func(set []registry.Instance) bool {
		return len(set) == 1 && set[0].Version == "2.0.0" && set[0].Endpoint == i.Endpoint
	})[0]
	if !second.RegisteredAt.Equal(first.RegisteredAt) || second.UpdatedAt.Before(first.UpdatedAt) {
		s.Errorf("registered at %s, then %s; updated at %s, then %s", first.RegisteredAt, second.RegisteredAt, first.UpdatedAt, second.UpdatedAt)
	}
}

func registerMoves(s *subject) {
	r := s.registry()
	i := s.instance("1")
	s.register(r, i)
	s.count(r, 1)
	i.Name = suite.Name()
	s.register(r, i)
	s.count(r, 0)
	s.service = i.Name
	s.count(r, 1)
}

func emptyStatusIsHealthy(s *subject) {
	r := s.registry()
	i := s.instance("1")
	i.Status = ""
	s.register(r, i)
	s.count(r, 1)
}

func statusIsSeen(s *subject) {
	r := s.registry()
	i := s.instance("1")
	s.register(r, i)
	for _, status := range []registry.Status{registry.Unhealthy, registry.Unknown, registry.Healthy} {
		if err := r.SetStatus(s.ctx, i.ID, status); err != nil {
			s.Fatalf("SetStatus %s: %v", status, err)
		}
		s.until(r, string(status), func(set []registry.Instance) bool {
			return len(set) == 1 && set[0].Status == status
		})
	}
	i.Status = registry.Unknown
	s.register(r, i)
	s.until(r, "the status it was registered with again", func(set []registry.Instance) bool {
		return len(set) == 1 && set[0].Status == registry.Unknown
	})
}

func statusOfNobody(s *subject) {
	r := s.registry()
	i := s.instance("1")
	if err := r.SetStatus(s.ctx, i.ID, registry.Healthy); !errors.Is(err, fault.NotFound) {
		s.Errorf("before Register: %v", err)
	}
	s.register(r, i)
	if err := r.SetStatus(s.ctx, i.ID, "sleepy"); !errors.Is(err, fault.InvalidArgument) {
		s.Errorf("no known status: %v", err)
	}
	s.deregister(r, i)
	if err := r.SetStatus(s.ctx, i.ID, registry.Healthy); !errors.Is(err, fault.NotFound) {
		s.Errorf("after Deregister: %v", err)
	}
	s.count(r, 0)
}

func deregisterTwice(s *subject) {
	r := s.registry()
	one, two := s.instance("1"), s.instance("2")
	s.register(r, one, two)
	s.count(r, 2)
	s.deregister(r, one, one, s.instance("never"))
	if _, still := find(s.count(r, 1), two.ID); !still {
		s.Error("the wrong one is gone")
	}
}

func endedContextIsSaid(s *subject) {
	r := s.registry()
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := r.Register(ctx, s.instance("1")); !errors.Is(err, fault.Canceled) {
		s.Errorf("Register: %v", err)
	}
	if _, err := r.Services(ctx); !errors.Is(err, fault.Canceled) {
		s.Errorf("Services: %v", err)
	}
	s.count(r, 0)
}

func callersKeepTheirOwn(s *subject) {
	r := s.registry()
	i := s.instance("1")
	s.register(r, i)
	i.Metadata["zone"], i.Tags[0] = "elsewhere", "other"
	got := s.count(r, 1)[0]
	if got.Zone() != "eu-1" || got.Tags[0] != "api" {
		s.Errorf("zone %q, tags %v", got.Zone(), got.Tags)
	}
	if err := r.SetStatus(s.ctx, i.ID, registry.Healthy); err != nil {
		s.Fatal(err)
	}
	if got = s.count(r, 1)[0]; got.Zone() != "eu-1" || got.Tags[0] != "api" {
		s.Errorf("after SetStatus: zone %q, tags %v", got.Zone(), got.Tags)
	}
}

func servicesByTags(s *subject) {
	r := s.registry()
	mark := "mark-" + s.service
	one, two, three := s.instance("1"), s.instance("2"), s.instance("3")
	two.Name = suite.Name()
	one.Tags, two.Tags, three.Tags = []string{mark, "blue", "api"}, []string{"api", mark}, nil
	s.register(r, one, two, three)
	for _, c := range []struct{ tags, want []string }{
		{[]string{mark}, []string{one.ID, two.ID}},
		{[]string{mark, "api"}, []string{one.ID, two.ID}},
		{[]string{mark, "blue"}, []string{one.ID}},
		{[]string{mark, "green"}, nil},
		{nil, []string{one.ID, two.ID, three.ID}},
	} {
		s.eventually("Services "+mark, func() bool {
			all, err := r.Services(s.ctx, c.tags...)
			if err != nil {
				s.Fatalf("Services %v: %v", c.tags, err)
			}
			var got []string
			for _, i := range []registry.Instance{one, two, three} {
				if _, ok := find(all, i.ID); ok {
					got = append(got, i.ID)
				}
			}
			return slices.Equal(got, c.want) && (len(c.tags) == 0 || len(all) == len(c.want))
		})
	}
}
