package registry

import (
	"context"
	"iter"
	"maps"
	"slices"
)

// NewStatic is a [Discoverer] of fixed base URLs by service name. They are
// always healthy, and a service that is not named has none.
func NewStatic(urls map[string][]string) Discoverer {
	s := static{}
	for name, all := range urls {
		for _, url := range all {
			s[name] = append(s[name], Instance{ID: name + "@" + url, Name: name, Endpoint: url, Status: Healthy})
		}
	}
	return s
}

type static map[string][]Instance

// Watch implements [Discoverer].
func (s static) Watch(ctx context.Context, name string) iter.Seq2[[]Instance, error] {
	return func(yield func([]Instance, error) bool) {
		if ctx.Err() == nil && yield(slices.Clip(s[name]), nil) {
			<-ctx.Done()
		}
	}
}

// Services implements [Discoverer]. A fixed address has no tags.
func (s static) Services(ctx context.Context, tags ...string) ([]Instance, error) {
	if err := ended(ctx); err != nil || len(tags) > 0 {
		return nil, err
	}
	var all []Instance
	for _, name := range slices.Sorted(maps.Keys(s)) {
		all = append(all, s[name]...)
	}
	return all, nil
}
