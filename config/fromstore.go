package config

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/backoff"
)

// storeTimeout limits one read of a store.
const storeTimeout = 10 * time.Second

var rewatchBackoff = backoff.Policy{Min: 100 * time.Millisecond, Max: 10 * time.Second}

// FromStore reads the configurations of a service: those without an environment,
// overridden by those of the given environment. The key of a configuration is the path of
// a setting: http.port. A configuration of type json or yaml may be an object of several
// settings; a configuration for a part of it overrides that part.
func FromStore(s Store, service, environment string) Layer {
	return Layer{open: func(_ reflect.Type, every time.Duration) (source, error) {
		if absent.Is(s) || service == "" {
			return nil, fault.InvalidArgument.Errorf("config.FromStore needs a store and the name of a service")
		}
		if every <= 0 {
			every = 10 * time.Second
		}
		environments := []string{""}
		if environment != "" {
			environments = append(environments, environment)
		}
		return &storeSource{store: s, service: service, environments: environments, interval: every}, nil
	}}
}

type storeSource struct {
	store        Store
	service      string
	environments []string // later ones override earlier ones
	interval     time.Duration
}

func (s *storeSource) read(ctx context.Context) ([]entry, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var entries []entry
	for _, environment := range s.environments {
		list, err := s.store.List(ctx, s.service, environment)
		if err != nil {
			return nil, fmt.Errorf("the store's settings of %s: %w", place(s.service, environment), err)
		}
		var these []entry
		for _, c := range list {
			e, err := c.entry()
			if err != nil {
				return nil, err
			}
			these = append(these, e)
		}
		slices.SortStableFunc(these, shorterPathFirst)
		entries = append(entries, these...)
	}
	return entries, nil
}

func (s *storeSource) follow(ctx context.Context, changed func(), failed func(error)) {
	watcher, ok := s.store.(Watcher)
	if !ok {
		tick := time.NewTicker(s.interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				changed()
			}
		}
	}
	var both sync.WaitGroup
	defer both.Wait()
	for _, environment := range s.environments {
		both.Go(func() { s.watch(ctx, watcher, environment, changed, failed) })
	}
}

func (s *storeSource) watch(ctx context.Context, w Watcher, environment string, changed func(), failed func(error)) {
	for pause := time.Duration(0); backoff.Wait(ctx, pause) == nil; pause = rewatchBackoff.Next(pause) {
		for _, err := range w.Watch(ctx, s.service, environment) {
			if err != nil {
				failed(fmt.Errorf("the store's settings of %s are not followed: %w", place(s.service, environment), err))
				continue
			}
			pause = 0
			changed()
		}
	}
}

// entry returns the configuration as an entry of the settings.
func (c Configuration) entry() (entry, error) {
	e := entry{
		origin: fmt.Sprintf("store entry %s of %s", c.Key, place(c.Service, c.Environment)),
		path:   strings.Split(c.Key, "."), value: c.Value, secret: c.Encrypted,
	}
	if secret, ok := c.Value.(Secret); ok {
		e.value, e.secret = secret.Reveal(), true
	}
	text, ok := e.value.(string)
	if !ok {
		return e, nil
	}
	switch c.Type {
	case YAML:
		tree, err := parse([]byte(text), yamlParser{})
		if err != nil {
			return e, fault.InvalidArgument.Errorf("%s: it is not an object in YAML, alone and with each key once", e.origin)
		}
		e.value = tree
	case Number, Boolean, JSON:
		if !isJSON(text) {
			return e, nil
		}
		tree, err := parseJSON([]byte(text))
		switch {
		case err == nil:
			e.value = tree
		case e.secret:
			return e, fault.InvalidArgument.Errorf("%s: a key stands twice in it, or it is nested more than %d deep", e.origin, maxDepth)
		default:
			return e, fault.InvalidArgument.Errorf("%s: %w", e.origin, err)
		}
	}
	return e, nil
}

// place names a service and an environment in messages.
func place(service, environment string) string {
	if environment == "" {
		return service
	}
	return service + "/" + environment
}
