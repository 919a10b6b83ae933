package configtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/config"
)

// Features describe what the store under test can do.
type Features struct {
	// Virtual runs every rule in a testing/synctest bubble, where waiting is
	// instantaneous. It is for a store that lives in this process only.
	Virtual bool
	// MaxDelay is how long a change may take to reach a watch. A whole rule may take six
	// times as long. The default is 10 s.
	MaxDelay time.Duration
	// Secrets: the store accepts encrypted configurations. Without it, the store must
	// refuse them.
	Secrets bool
}

// Run runs the suite. In each subtest it calls open once; open returns a store and closes
// it with t.Cleanup.
func Run(t *testing.T, f Features, open func(t *testing.T) config.Store) {
	if f.MaxDelay == 0 {
		f.MaxDelay = 10 * time.Second
	}
	for _, r := range append(append(writes(), secrets()...), watches()...) {
		t.Run(r.name, func(t *testing.T) {
			run := func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), 6*f.MaxDelay)
				defer cancel()
				t.Cleanup(func() {
					if t.Failed() {
						t.Log("the rule: " + r.sentence)
					}
				})
				r.check(&subject{T: t, Features: f, ctx: ctx, store: open(t), service: name()})
			}
			if f.Virtual {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

// rule is one guarantee of every store.
type rule struct {
	name     string
	sentence string
	check    func(s *subject)
}

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

// name returns a name that no other test uses.
func name() string { return "suite-" + strings.ToLower(rand.Text()[:10]) }
