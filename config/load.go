package config

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/knadh/koanf/maps"

	"github.com/sinew-go/sinew/fault"
)

// Load reads the layers over the defaults, the later over the earlier, and
// follows them until [Value.Close]. T is a struct of data, its settings named by
// json tags. Each read of a store is given 10 s. The error is that of every
// source that was refused: fault.NotFound for a missing file,
// fault.InvalidArgument for what is wrong inside, else the store's own.
func Load[T any](defaults T, layers ...Layer) (*Value[T], error) {
	settings := reflect.TypeFor[T]()
	if settings.Kind() != reflect.Struct {
		return nil, fault.InvalidArgument.Errorf("settings are a struct, not a %s", settings)
	}
	b := &builder{defaults: reflect.ValueOf(&defaults).Elem(), good: make([][]entry, len(layers))}
	for _, l := range layers {
		if l.open == nil {
			return nil, fault.InvalidArgument.Errorf("a config.Layer is made by File, FromStore, Env or Flags; the zero value is none")
		}
		s, err := l.open(settings, l.every)
		if err != nil {
			return nil, err
		}
		b.sources = append(b.sources, s)
	}
	first, err := b.build(context.Background())
	if err != nil {
		return nil, err
	}
	return start(b, first.Addr().Interface().(*T)), nil
}

// builder makes settings of what its sources say. It is used by one goroutine at
// a time.
type builder struct {
	defaults reflect.Value
	sources  []source
	good     [][]entry // what each source said last that was accepted
}

// build reads all sources. The settings are valid also when there is an error
// about some source, whose last good content is in them then; they are the zero
// Value when the whole was refused.
func (b *builder) build(ctx context.Context) (reflect.Value, error) {
	fresh := slices.Clone(b.good)
	var refused []error
	for i, s := range b.sources {
		err := guard(func() error {
			entries, err := s.read(ctx)
			if err == nil {
				err = b.check(entries)
			}
			if err == nil {
				fresh[i] = entries
			}
			return err
		})
		if err != nil {
			refused = append(refused, err)
		}
	}
	secret := slices.ContainsFunc(slices.Concat(fresh...), func(e entry) bool { return e.secret })
	var next reflect.Value
	err := discreetly(secret, func() (err error) {
		next, err = b.merge(fresh, secret)
		return err
	})
	if err != nil {
		return reflect.Value{}, join(append(refused, err))
	}
	b.good = fresh
	return next, join(refused)
}

// check decodes each entry alone, so that a fault is told with its origin.
func (b *builder) check(entries []entry) error {
	var flawed []error
	for _, e := range entries {
		if tooDeep(e.value, maxDepth) {
			flawed = append(flawed, fault.InvalidArgument.Errorf("%s: %w", e.origin, errDeep))
			continue
		}
		if err := discreetly(e.secret, func() error {
			var d decoder
			d.decode(e.tree(), clone(b.defaults), "")
			return d.err(e)
		}); err != nil {
			flawed = append(flawed, err)
		}
	}
	return join(flawed)
}

// merge is the settings that the layers make together. Where some of what they say
// is secret, no message quotes anything that was made of the whole.
func (b *builder) merge(layers [][]entry, secret bool) (reflect.Value, error) {
	tree := map[string]any{}
	for _, e := range slices.Concat(layers...) {
		maps.Merge(e.tree(), tree)
	}
	next := clone(b.defaults)
	var d decoder
	d.decode(tree, next, "")
	if err := d.err(entry{origin: "the settings together", secret: secret}); err != nil {
		return reflect.Value{}, err
	}
	return next, validate(next, "")
}

// guard makes an error of a panic: the user's UnmarshalJSON or Validate may meet
// a file that its author never thought of.
func guard(f func() error) error { return discreetly(false, f) }

// discreetly is guard, which shows nothing of what a secret made f panic with.
func discreetly(secret bool, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if secret {
				p = redacted
			}
			err = fault.Internal.Errorf("reading the settings panicked: %w", fmt.Errorf("%v", p))
		}
	}()
	return f()
}

// join keeps one error as it is.
func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
