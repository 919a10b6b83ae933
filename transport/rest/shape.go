package rest

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// shape describes how encoding/json decodes into a type: which members an object may have,
// and what may be there instead of an object. The nil shape is that of a type that is not
// described.
type shape struct {
	t       reflect.Type
	members map[string]*shape // of a struct
	folded  map[string]string // a member's name, by its folded name
	elem    *shape            // of a map, slice or array
	key     reflect.Type      // of a map whose keys are not plain strings
	// quoted is a struct with the member v in quotes, for a number or bool in quotes.
	quoted reflect.Type
}

// shapeOf returns the shape of t. The shape of a recursive type is recursive.
func shapeOf(t reflect.Type, known map[reflect.Type]*shape) *shape {
	whole := t
	for steps := 0; t.Kind() == reflect.Pointer && !decodesItself(t); steps++ {
		if steps > maxNesting { // a pointer type that points to itself
			return nil
		}
		t = t.Elem()
	}
	if s, ok := known[t]; ok {
		return s
	}
	s := &shape{t: t}
	if decodesItself(t) {
		s.t = whole // what null sets may be a pointer around it
		return s
	}
	switch t.Kind() {
	case reflect.Struct:
		known[t] = s
		s.members, s.folded = map[string]*shape{}, map[string]string{}
		for _, m := range jsonfields.Of(t) {
			s.members[m.Name] = shapeOf(m.Type, known)
			if m.Quoted {
				quoted := reflect.StructField{Name: "V", Type: m.Type, Tag: `json:"v,string"`}
				s.members[m.Name] = &shape{t: m.Type, quoted: reflect.StructOf([]reflect.StructField{quoted})}
			}
			if fold := foldName(m.Name); s.folded[fold] == "" {
				s.folded[fold] = m.Name
			}
		}
	case reflect.Map, reflect.Slice, reflect.Array:
		known[t] = s
		if t.Kind() == reflect.Map && (t.Key().Kind() != reflect.String || decodesItself(t.Key())) {
			s.key = t.Key()
		}
		s.elem = shapeOf(t.Elem(), known)
	}
	return s
}

// isContainer reports whether a value that begins with this byte is an object with members
// or a list with elements of shapes of their own.
func (s *shape) isContainer(first byte) bool {
	switch first {
	case '{':
		return s.members != nil || s.elem != nil && s.t.Kind() == reflect.Map
	case '[':
		return s.elem != nil && s.t.Kind() != reflect.Map
	}
	return false
}

// element returns the shape of an element of a list, nil for one that encoding/json skips.
func (s *shape) element(n int) *shape {
	if s == nil || s.elem != nil && s.t.Kind() == reflect.Array && n >= s.t.Len() {
		return nil
	}
	return s.elem
}

// foldName returns the form of a name in which encoding/json compares names when none
// matches exactly.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, name)
}

// member returns the shape of a member and the canonical name of the field or key that it
// sets. With strict, only the exact name matches a field, and detail says what is wrong
// with another one.
func (s *shape) member(name []byte, strict bool) (into *shape, canonical []byte, detail string) {
	switch {
	case s == nil:
		return nil, name, ""
	case s.members == nil && s.key != nil:
		return s.elem, keyOf(s.key, name), ""
	case s.members == nil:
		return s.elem, name, ""
	}
	if into, ok := s.members[string(name)]; ok {
		return into, name, ""
	}
	if strict {
		return nil, name, "unknown member " + strconv.Quote(shorten(string(name)))
	}
	if field, ok := s.folded[foldName(string(name))]; ok {
		return s.members[field], []byte(field), ""
	}
	return nil, name, ""
}

// keyOf returns the canonical form of a map key: two names may be one key, such as "1" and
// "01" for a number. encoding/json will refuse a name that is not a valid key.
func keyOf(t reflect.Type, name []byte) []byte {
	key := reflect.New(t)
	if u, ok := key.Interface().(encoding.TextUnmarshaler); ok {
		if u.UnmarshalText(name) != nil {
			return name
		}
		return fmt.Appendf(nil, "%#v", key.Elem().Interface())
	}
	if n, err := strconv.ParseInt(string(name), 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10)
	}
	if n, err := strconv.ParseUint(string(name), 10, 64); err == nil {
		return strconv.AppendUint(nil, n, 10)
	}
	return name
}
