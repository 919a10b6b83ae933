package config

import (
	"context"
	"reflect"
	"time"
)

// Layer is one source of settings: [File], [FromStore], [Env] or [Flags].
type Layer struct {
	open  func(settings reflect.Type, every time.Duration) (source, error)
	every time.Duration
}

// Every is the layer with another polling interval: how often it looks at a file
// (zero: 1 s), or at a store that cannot be watched (zero: 10 s). Layers that do not
// poll ignore it.
func (l Layer) Every(d time.Duration) Layer {
	l.every = d
	return l
}

// source is an opened layer.
type source interface {
	// read gives the settings as they are now, the stronger ones last.
	read(ctx context.Context) ([]entry, error)
}

// follower is a source that notices its changes.
type follower interface {
	// follow calls changed when read may give something else, and failed when
	// that cannot be told any more. It returns when ctx ends.
	follow(ctx context.Context, changed func(), failed func(error))
}

// entry is a part of the settings that has one origin.
type entry struct {
	origin string   // for messages: "orders.yaml", "ORDERS_HTTP_PORT"
	path   []string // where value belongs; none is the whole
	value  any      // a tree of maps, lists and scalars, as a parser makes it
	secret bool     // no message may quote anything that was made from value
}

// tree is the entry's value where it belongs, without nulls and with nothing in
// common with the entry, so that it can be merged and handed out.
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
		return copied(list)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	kept := make(map[string]any, len(object))
	for key, v := range object {
		if v != nil {
			kept[key] = withoutNulls(v)
		}
	}
	return kept
}

// copied is value with lists and objects of its own.
func copied(value any) any {
	switch v := value.(type) {
	case []any:
		own := make([]any, len(v))
		for i, inner := range v {
			own[i] = copied(inner)
		}
		return own
	case map[string]any:
		own := make(map[string]any, len(v))
		for key, inner := range v {
			own[key] = copied(inner)
		}
		return own
	}
	return value
}
