package configtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/internal/suite"
)

// Features say what the store under test cannot do, and how it is tested. The zero
// Features is held to every rule.
type Features struct {
	// RealTime says that the store does not live in this process alone, so that the suite
	// cannot run in the virtual time of testing/synctest.
	RealTime bool
	// NoSecrets says that the store accepts no encrypted configurations. It must then
	// refuse them with fault.FailedPrecondition.
	NoSecrets bool
	// NoWatch says that the store is no config.Watcher.
	NoWatch bool
	// MaxDelay is how long a change may take to reach a watch. A whole rule may take six
	// times as long. The default is 10 s.
	MaxDelay time.Duration
}

func noSecrets(f Features) bool { return f.NoSecrets }

func acceptsSecrets(f Features) bool { return !f.NoSecrets }

func noWatch(f Features) bool { return f.NoWatch }

// Run runs the suite. In each subtest it calls open once; open returns a store and closes
// it with t.Cleanup.
func Run(t *testing.T, f Features, open func(t *testing.T) config.Store) {
	t.Helper()
	if f.MaxDelay == 0 {
		f.MaxDelay = 10 * time.Second
	}
	suite.Suite[Features, *subject]{
		Rules: slices.Concat(writes(), values(), secrets(), watches()), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *subject {
			ctx, cancel := context.WithTimeout(context.Background(), 6*f.MaxDelay)
			t.Cleanup(cancel)
			return &subject{T: t, Features: f, ctx: ctx, store: open(t), service: suite.Name()}
		},
	}.Run(t)
}

// rule is one guarantee of every store.
type rule = suite.Rule[Features, *subject]

// subject is the store under test.
type subject struct {
	*testing.T
	Features
	ctx     context.Context
	store   config.Store
	service string
}

// configuration returns a configuration of the subject's service in the environment "prod".
func (s *subject) configuration(key string, value any) config.Configuration {
	return config.Configuration{Service: s.service, Environment: "prod", Key: key, Value: value}
}

func (s *subject) set(c config.Configuration) config.Configuration {
	s.Helper()
	stored, err := s.store.Set(s.ctx, c)
	if err != nil {
		s.Fatalf("Set %s: %v", c.Key, err)
	}
	return stored
}

func (s *subject) get(key string) config.Configuration {
	s.Helper()
	c, err := s.store.Get(s.ctx, s.service, "prod", key)
	if err != nil {
		s.Fatalf("Get %s: %v", key, err)
	}
	return c
}

func (s *subject) list(service, environment string) []string {
	s.Helper()
	all, err := s.store.List(s.ctx, service, environment)
	if err != nil {
		s.Fatalf("List %s %s: %v", service, environment, err)
	}
	return keys(all)
}

func keys(all []config.Configuration) []string {
	found := []string{}
	for _, c := range all {
		found = append(found, c.Key)
	}
	return found
}
