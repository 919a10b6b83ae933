package registry

import (
	"context"
	"iter"
	"maps"
	"slices"
)

// NewStatic returns a [Discoverer] with fixed base URLs by service name. Each URL is an
// instance that is always healthy and has no tags. A service that is not in urls has no
// instance.
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
	if err := contextFault(ctx); err != nil || len(tags) > 0 {
		return nil, err
	}
	var all []Instance
	for _, name := range slices.Sorted(maps.Keys(s)) {
		all = append(all, s[name]...)
	}
	return all, nil
}
