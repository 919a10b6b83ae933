package config

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// Load reads the layers over the defaults, later ones over earlier ones, and follows
// their changes until [Value.Close]. T must be a struct; json tags name its settings. The
// read of each layer may take 10 s. The error joins the errors of all refused layers:
// fault.NotFound for a missing file, fault.InvalidArgument for wrong content, otherwise
// the error of the store or of a layer of your own.
func Load[T any](defaults T, layers ...Layer) (*Value[T], error) {
	settings := reflect.TypeFor[T]()
	if settings.Kind() != reflect.Struct {
		return nil, fault.InvalidArgument.Errorf("settings are a struct, not a %s", settings)
	}
	for i, l := range layers {
		if absent.Is(l) {
			return nil, fault.InvalidArgument.Errorf(
				"layer %d of config.Load is nil; give a File, FromStore, Env, Flags or a type of your own", i+1)
		}
	}
	b := &builder{
		defaults: reflect.ValueOf(&defaults).Elem(), names: namesIn(settings),
		layers: slices.Clone(layers), accepted: make([][]part, len(layers)),
	}
	first, err := b.build(context.Background())
	if err != nil {
		return nil, err
	}
	return newValue(b, first.Addr().Interface().(*T)), nil
}

// readTimeout limits one read of a layer.
const readTimeout = 10 * time.Second

// builder builds settings from the content of the layers. One goroutine uses it at a
// time.
type builder struct {
	defaults reflect.Value
	names    settingNames
	layers   []Layer
	accepted [][]part // the last accepted content of each layer
}

// build reads all layers. If it returns an error about some layers, the settings are
// still valid and contain the last good content of those. If the settings were refused as
// a whole, it returns the zero Value.
func (b *builder) build(ctx context.Context) (reflect.Value, error) {
	fresh := slices.Clone(b.accepted)
	var refused []error
	for i, l := range b.layers {
		parts, err := b.read(ctx, l)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		fresh[i] = parts
	}
	secret := slices.ContainsFunc(slices.Concat(fresh...), func(p part) bool { return p.secret })
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

// read reads one layer. It returns parts without a fault.
func (b *builder) read(ctx context.Context, l Layer) ([]part, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var entries []Entry
	if err := recoverPanic(func() (err error) {
		entries, err = l.Read(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	var parts []part
	secret := slices.ContainsFunc(entries, func(e Entry) bool { return e.Secret })
	if err := recoverRedacted(secret, func() (err error) {
		parts, err = b.names.resolve(entries)
		return err
	}); err != nil {
		return nil, err
	}
	return parts, b.check(parts)
}

// check decodes each part alone, so that an error can name its origin.
func (b *builder) check(parts []part) error {
	var flawed []error
	for _, p := range parts {
		if err := recoverRedacted(p.secret, func() error {
			var d decoder
			d.decode(p.tree(), clone(b.defaults), "")
			return d.err(p)
		}); err != nil {
			flawed = append(flawed, err)
		}
	}
	return joinErrors(flawed)
}

// merge returns the combined settings of the layers. If any of them is secret, no message
// quotes anything derived from the whole.
func (b *builder) merge(layers [][]part, secret bool) (reflect.Value, error) {
	tree := map[string]any{}
	for _, p := range slices.Concat(layers...) {
		mergeInto(tree, p.tree())
	}
	next := clone(b.defaults)
	var d decoder
	d.decode(tree, next, "")
	if err := d.err(part{origin: "the settings together", secret: secret}); err != nil {
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
