package rest

import (
	"cmp"
	"encoding"
	"encoding/json"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// Types that travel in a form of their own.
var (
	timeType            = reflect.TypeFor[time.Time]()
	durationType        = reflect.TypeFor[time.Duration]()
	addressType         = reflect.TypeFor[netip.Addr]()
	urlType             = reflect.TypeFor[url.URL]()
	numberType          = reflect.TypeFor[json.Number]()
	enumeratorType      = reflect.TypeFor[Enumerator]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func encodesItself(t reflect.Type) bool { return jsonfields.EncodesItself(t) }

func decodesItself(t reflect.Type) bool { return jsonfields.DecodesItself(t) }

// isMessage reports whether a struct is a message of protobuf.
func isMessage(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("ProtoReflect")
	return ok
}

// messageLocation returns where the field of a message travels, which has no tags for that:
// in the path if a variable has its name, in the query if there is no body, and else in the
// body, for which in is "".
func (b *binding) messageLocation(p pattern, f reflect.StructField) (in, name string) {
	for part := range strings.SplitSeq(f.Tag.Get("protobuf"), ",") {
		if after, ok := strings.CutPrefix(part, "name="); ok {
			name = after
		}
	}
	switch {
	case !f.IsExported() || b.isAnswer() || name == "" && b.mayHaveBody:
		return "", ""
	case slices.ContainsFunc(p.segments, func(s segment) bool { return s.name == name }):
		return "path", name
	case !b.mayHaveBody:
		return "query", cmp.Or(name, f.Name)
	}
	return "", ""
}

// locationOf returns where a field travels, one of tags; in is "" for the body.
func locationOf(p pattern, f reflect.StructField, tags []string) (in, name string) {
	for _, tag := range tags {
		if value, ok := f.Tag.Lookup(tag); ok {
			if in != "" {
				p.refuse("field %s is tagged %s and %s; choose one", f.Name, in, tag)
			}
			in, name = tag, value
		}
	}
	return in, name
}

// isBound reports whether a field has one of the tags.
func isBound(f reflect.StructField, tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { _, ok := f.Tag.Lookup(tag); return ok })
}

// wordsOf returns the tags for a message: "path, query, header or cookie".
func wordsOf(tags []string) string {
	last := len(tags) - 1
	return strings.Join(tags[:last], ", ") + " or " + tags[last]
}

// hasBoundField reports whether t, or a struct that it embeds, has a field with one of the
// tags. around are the structs that embed t.
func hasBoundField(t reflect.Type, tags []string, around ...reflect.Type) bool {
	t = deref(t)
	if t.Kind() != reflect.Struct || slices.Contains(around, t) {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); isBound(f, tags) || f.Anonymous && hasBoundField(f.Type, tags, append(around, t)...) {
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
