package rest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// Types that travel in a form of their own.
var (
	timeType            = reflect.TypeFor[time.Time]()
	durationType        = reflect.TypeFor[time.Duration]()
	numberType          = reflect.TypeFor[json.Number]()
	enumeratorType      = reflect.TypeFor[Enumerator]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func encodesItself(t reflect.Type) bool { return jsonfields.EncodesItself(t) }

func decodesItself(t reflect.Type) bool { return jsonfields.DecodesItself(t) }

// locationOf returns where a field travels; in is "" for the body.
func locationOf(p pattern, f reflect.StructField) (in, name string) {
	for _, tag := range []string{"path", "query", "header"} {
		if value, ok := f.Tag.Lookup(tag); ok {
			if in != "" {
				p.refuse("field %s is tagged %s and %s; choose one", f.Name, in, tag)
			}
			in, name = tag, value
		}
	}
	return in, name
}

// isBound reports whether a field is tagged to travel outside the body.
func isBound(f reflect.StructField) bool {
	for _, in := range []string{"path", "query", "header"} {
		if _, ok := f.Tag.Lookup(in); ok {
			return true
		}
	}
	return false
}

// hasBoundField reports whether t, or a struct that it embeds, has a field that travels
// outside the body. around are the structs that embed t.
func hasBoundField(t reflect.Type, around ...reflect.Type) bool {
	t = deref(t)
	if t.Kind() != reflect.Struct || slices.Contains(around, t) {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); isBound(f) || f.Anonymous && hasBoundField(f.Type, append(around, t)...) {
			return true
		}
	}
	return false
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
