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

// Load reads the layers over the defaults, later ones over earlier ones, and follows
// their changes until [Value.Close]. T is a struct whose settings are named by json tags.
// A read of a store may take 10 s. The error joins those of all refused sources:
// fault.NotFound for a missing file, fault.InvalidArgument for wrong content, otherwise
// the error of the store.
func Load[T any](defaults T, layers ...Layer) (*Value[T], error) {
	settings := reflect.TypeFor[T]()
	if settings.Kind() != reflect.Struct {
		return nil, fault.InvalidArgument.Errorf("settings are a struct, not a %s", settings)
	}
	b := &builder{defaults: reflect.ValueOf(&defaults).Elem(), accepted: make([][]entry, len(layers))}
	for _, l := range layers {
		if l.open == nil {
			return nil, fault.InvalidArgument.Errorf("a config.Layer is made by File, FromStore, Env or Flags; the zero value is none")
		}
		s, err := l.open(settings, l.interval)
		if err != nil {
			return nil, err
		}
		b.sources = append(b.sources, s)
	}
	first, err := b.build(context.Background())
	if err != nil {
		return nil, err
	}
	return newValue(b, first.Addr().Interface().(*T)), nil
}

// builder builds settings from the content of the sources. One goroutine uses it at a
// time.
type builder struct {
	defaults reflect.Value
	sources  []source
	accepted [][]entry // the last accepted content of each source
}

// build reads all sources. If it returns an error about some sources, the settings are
// still valid and contain the last good content of those. If the settings were refused as
// a whole, it returns the zero Value.
func (b *builder) build(ctx context.Context) (reflect.Value, error) {
	fresh := slices.Clone(b.accepted)
	var refused []error
	for i, s := range b.sources {
		err := recoverPanic(func() error {
			entries, err := s.read(ctx)
			if err == nil {
				err = b.checkEntries(entries)
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
	err := recoverRedacted(secret, func() (err error) {
		next, err = b.merge(fresh, secret)
		return err
	})
	if err != nil {
		return reflect.Value{}, joinErrors(append(refused, err))
	}
	b.accepted = fresh
	return next, joinErrors(refused)
}

// checkEntries decodes each entry alone, so that an error can name its origin.
func (b *builder) checkEntries(entries []entry) error {
	var flawed []error
	for _, e := range entries {
		if tooDeep(e.value, maxDepth) {
			flawed = append(flawed, fault.InvalidArgument.Errorf("%s: %w", e.origin, errDeep))
			continue
		}
		if err := recoverRedacted(e.secret, func() error {
			var d decoder
			d.decode(e.tree(), clone(b.defaults), "")
			return d.err(e)
		}); err != nil {
			flawed = append(flawed, err)
		}
	}
	return joinErrors(flawed)
}

// merge returns the combined settings of the layers. If any of them is secret, no message
// quotes anything derived from the whole.
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

// recoverPanic turns a panic of f into an error: a UnmarshalJSON or Validate of the user
// may panic for content that its author did not expect.
func recoverPanic(f func() error) error { return recoverRedacted(false, f) }

// recoverRedacted is like recoverPanic. If secret is true, the error does not show the
// panic value.
func recoverRedacted(secret bool, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if secret {
				p = redactedText
			}
			err = fault.Internal.Errorf("reading the settings panicked: %w", fmt.Errorf("%v", p))
		}
	}()
	return f()
}

// joinErrors is errors.Join, but returns a single error unchanged.
func joinErrors(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
