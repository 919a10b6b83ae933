package config

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

// storeInterval is the time between two reads of a store that cannot be watched.
const storeInterval = 10 * time.Second

var rewatchBackoff = backoff.Policy{Min: 100 * time.Millisecond, Max: 10 * time.Second}

// FromStore is a layer of the configurations of a service: those without an environment,
// overridden by those of the given environment. The key of a configuration is the path of
// a setting: http.port. A configuration of type json or yaml may be an object of several
// settings; a configuration for a part of it overrides that part.
func FromStore(s Store, service, environment string) Layer {
	environments := []string{""}
	if environment != "" {
		environments = append(environments, environment)
	}
	return storeLayer{store: s, service: service, environments: environments}
}

type storeLayer struct {
	store        Store
	service      string
	environments []string // later ones override earlier ones
}

// Read implements [Layer].
func (s storeLayer) Read(ctx context.Context) ([]Entry, error) {
	if absent.Is(s.store) || s.service == "" {
		return nil, fault.InvalidArgument.Errorf("config.FromStore needs a store and the name of a service")
	}
	var entries []Entry
	for _, environment := range s.environments {
		list, err := s.store.List(ctx, s.service, environment)
		if err != nil {
			return nil, fmt.Errorf("the store's settings of %s: %w", place(s.service, environment), err)
		}
		var these []Entry
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

// shorterPathFirst lets the entry of a part override the entry of an object around it.
func shorterPathFirst(a, b Entry) int { return strings.Count(a.Path, ".") - strings.Count(b.Path, ".") }

// Watch implements [Layer].
func (s storeLayer) Watch(ctx context.Context, changed func(error)) {
	watcher, ok := s.store.(Watcher)
	if !ok {
		heartbeat.Until(ctx, storeInterval, func(context.Context) { changed(nil) })
		return
	}
	var both sync.WaitGroup
	defer both.Wait()
	for _, environment := range s.environments {
		both.Go(func() { s.watch(ctx, watcher, environment, changed) })
	}
}

func (s storeLayer) watch(ctx context.Context, w Watcher, environment string, changed func(error)) {
	for pause := time.Duration(0); backoff.Wait(ctx, pause) == nil; pause = rewatchBackoff.Next(pause) {
		for _, err := range w.Watch(ctx, s.service, environment) {
			if err != nil {
				changed(fmt.Errorf("the store's settings of %s are not followed: %w", place(s.service, environment), err))
				continue
			}
			pause = 0
			changed(nil)
		}
	}
}

// entry returns the configuration as an entry of the settings.
func (c Configuration) entry() (Entry, error) {
	e := Entry{
		Origin: fmt.Sprintf("store entry %s of %s", c.Key, place(c.Service, c.Environment)),
		Path:   c.Key, Value: c.Value, Secret: c.Encrypted,
	}
	if secret, ok := c.Value.(Secret); ok {
		e.Value, e.Secret = secret.Reveal(), true
	}
	text, ok := e.Value.(string)
	if !ok {
		return e, nil
	}
	switch c.Type {
	case YAML:
		tree, err := parse([]byte(text), parseYAML)
		if err != nil {
			return e, fault.InvalidArgument.Errorf("%s: it is not an object in YAML, alone and with each key once", e.Origin)
		}
		e.Value = tree
	case Number, Boolean, JSON:
		if !isJSON(text) {
			return e, nil
		}
		tree, err := parseJSON([]byte(text))
		switch {
		case err == nil:
			e.Value = tree
		case e.Secret:
			return e, fault.InvalidArgument.Errorf("%s: a key stands twice in it, or it is nested more than %d deep", e.Origin, maxDepth)
		default:
			return e, fault.InvalidArgument.Errorf("%s: %w", e.Origin, err)
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
