package config

import "reflect"

// clone returns an addressable copy of v that shares no map, slice or pointer with it,
// through exported fields. Readers hold settings, so those are never written to.
func clone(v reflect.Value) reflect.Value {
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	unshare(fresh)
	return fresh
}

func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() || v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct {
				unshare(f)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			unshare(v.Index(i))
		}
	case reflect.Slice:
		if !v.IsNil() {
			fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				fresh.Index(i).Set(clone(v.Index(i)))
			}
			v.Set(fresh)
		}
	case reflect.Map:
		if !v.IsNil() {
			fresh := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, element := range v.Seq2() {
				fresh.SetMapIndex(key, clone(element))
			}
			v.Set(fresh)
		}
	case reflect.Pointer:
		if !v.IsNil() && !isOpaque(v.Type().Elem()) {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(clone(v.Elem()))
			v.Set(fresh)
		}
	}
}

// isOpaque reports whether t is a struct without exported fields, such as a *slog.Logger
// or a mutex, which must not be copied.
func isOpaque(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			return false
		}
	}
	return t.NumField() > 0
}
