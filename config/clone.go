package config

import "reflect"

// clone is an addressable copy of v that shares no map, list or pointer with it,
// as far as exported fields go: settings that readers hold are never written to.
func clone(v reflect.Value) reflect.Value {
	fresh := reflect.New(v.Type()).Elem()
	fresh.Set(v)
	separate(fresh)
	return fresh
}

func separate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() || v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct {
				separate(f)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			separate(v.Index(i))
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
		if !v.IsNil() && !opaque(v.Type().Elem()) {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(clone(v.Elem()))
			v.Set(fresh)
		}
	}
}

// opaque says that t is a struct of somebody else's insides, such as a
// *slog.Logger or a mutex, which must not be copied.
func opaque(t reflect.Type) bool {
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
