package config

import (
	"context"
	"reflect"
	"time"
)

// Layer is one source of settings: [File], [FromStore], [Env] or [Flags].
type Layer struct {
	open     func(settings reflect.Type, every time.Duration) (source, error)
	interval time.Duration
}

// Every returns the layer with another polling interval, for files (default 1 s) and for
// stores that cannot be watched (default 10 s). Layers that do not poll ignore it.
func (l Layer) Every(d time.Duration) Layer {
	l.interval = d
	return l
}

// source is an opened layer.
type source interface {
	// read returns the current settings; later entries override earlier ones.
	read(ctx context.Context) ([]entry, error)
}

// follower is a source that notices changes.
type follower interface {
	// follow calls changed when read may return something new, and failed when changes
	// cannot be noticed any more. It returns when ctx ends.
	follow(ctx context.Context, changed func(), failed func(error))
}

// entry is a part of the settings with one origin.
type entry struct {
	origin string   // for messages: "orders.yaml", "ORDERS_HTTP_PORT"
	path   []string // where value belongs; empty is the root
	value  any      // a tree of maps, lists and scalars, as a parser returns it
	secret bool     // no message may quote anything derived from value
}

// tree returns the value at its path, without nulls. It shares nothing with the entry, so
// that it can be merged and modified.
func (e entry) tree() map[string]any {
	value := withoutNulls(e.value)
	for i := len(e.path) - 1; i >= 0; i-- {
		value = map[string]any{e.path[i]: value}
	}
	root, _ := value.(map[string]any)
	return root
}

func withoutNulls(value any) any {
	if list, ok := value.([]any); ok {
		return deepCopy(list)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	nonNull := make(map[string]any, len(object))
	for key, v := range object {
		if v != nil {
			nonNull[key] = withoutNulls(v)
		}
	}
	return nonNull
}

// deepCopy copies value with all its lists and objects.
func deepCopy(value any) any {
	switch v := value.(type) {
	case []any:
		clone := make([]any, len(v))
		for i, inner := range v {
			clone[i] = deepCopy(inner)
		}
		return clone
	case map[string]any:
		clone := make(map[string]any, len(v))
		for key, inner := range v {
			clone[key] = deepCopy(inner)
		}
		return clone
	}
	return value
}
