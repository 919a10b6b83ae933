package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonfields"
)

// validate calls Validate on v, and if that succeeds, on the parts of v.
func validate(v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() || v.Kind() == reflect.Interface {
			return nil
		}
		return validate(v.Elem(), path)
	}
	if checked, ok := addressable(v).Addr().Interface().(interface{ Validate() error }); ok {
		if err := checked.Validate(); err != nil {
			if path == "" {
				return fault.InvalidArgument.Errorf("the settings do not validate: %w", err)
			}
			return fault.InvalidArgument.Errorf("the settings do not validate: key %q: %w", truncated(path), err)
		}
	}
	var refused []error
	visit(v, func(name string, part reflect.Value) {
		if len(refused) > maxFlaws {
			return
		}
		if err := validate(part, joinPath(path, name)); err != nil {
			refused = append(refused, err)
		}
	})
	if len(refused) > maxFlaws {
		refused[maxFlaws] = fault.InvalidArgument.Errorf("the settings do not validate: and there are more faults in key %q", truncated(path))
	}
	return joinErrors(refused)
}

// visit calls f for each setting in a struct, a map or a list.
func visit(v reflect.Value, f func(name string, part reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range jsonfields.Of(v.Type()) {
			if part, ok := field.Get(v); ok && part.CanInterface() {
				f(field.Name, part)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int {
			return slices.Compare([]rune(fmt.Sprint(a)), []rune(fmt.Sprint(b)))
		})
		for _, key := range keys {
			f(fmt.Sprint(key), v.MapIndex(key))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			f(fmt.Sprint(i), v.Index(i))
		}
	}
}

// addressable returns v, or an addressable copy of it.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	addressed := reflect.New(v.Type()).Elem()
	addressed.Set(v)
	return addressed
}
