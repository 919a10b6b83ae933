package eventbus

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// value is what an event's Data is the encoding of. A handler in the same
// process gets a copy of it in place of what decoding would give, where both are
// provably the same.
type value interface {
	// into copies the value to target, a pointer, if that is of its type.
	into(target any) bool
	// kept is a copy that the publisher cannot change, or nil.
	kept() value
}

// typed is a value of type T.
type typed[T any] struct {
	v    *T
	copy *copier
}

// valueOf is nil where only encoding and decoding tells what becomes of v.
func valueOf[T any](v *T) value {
	c := copierOf(reflect.TypeFor[T]())
	if c == nil {
		return nil
	}
	return typed[T]{v, c}
}

func (t typed[T]) into(target any) bool {
	v, ok := target.(*T)
	if ok {
		*v = *t.v
		t.copy.deepen(reflect.ValueOf(v).Elem())
	}
	return ok
}

func (t typed[T]) kept() value {
	v := reflect.ValueOf(t.v).Elem()
	if !t.copy.faithful(v) {
		return nil
	}
	kept := new(T)
	*kept = *t.v
	t.copy.deepen(reflect.ValueOf(kept).Elem())
	return typed[T]{kept, t.copy}
}

// copier copies values of one type as encoding and decoding them would. It is
// nil for types with a say in their encoding.
type copier struct {
	text   bool // strings must be UTF-8, or encoding changes them
	elem   *copier
	fields []field
	zero   []int // of fields that are not encoded
}

// field is one that holds text or refers to something.
type field struct {
	index int
	*copier
}

var copiers sync.Map // reflect.Type → *copier

func copierOf(t reflect.Type) *copier {
	if c, ok := copiers.Load(t); ok {
		return c.(*copier)
	}
	c := newCopier(t, nil)
	copiers.Store(t, c)
	return c
}

// plain is the copier of what an assignment copies.
var plain = &copier{}

func newCopier(t reflect.Type, within []reflect.Type) *copier {
	if slices.Contains(within, t) || hasSay(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return plain
	case reflect.String:
		return &copier{text: true}
	case reflect.Slice, reflect.Pointer:
		elem := newCopier(t.Elem(), append(within, t))
		if elem == nil || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Pointer {
			return nil
		}
		return &copier{elem: elem}
	case reflect.Struct:
		return structCopier(t, append(within, t))
	}
	return nil
}

func structCopier(t reflect.Type, within []reflect.Type) *copier {
	c := &copier{}
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || options != "" || f.Tag.Get("json") == "-," {
			return nil
		}
		if name == "-" || !f.IsExported() {
			c.zero = append(c.zero, i)
			continue
		}
		if name == "" {
			name = f.Name
		}
		if name = strings.ToLower(name); names[name] {
			return nil
		}
		names[name] = true
		inner := newCopier(f.Type, within)
		switch {
		case inner == nil:
			return nil
		case inner != plain:
			c.fields = append(c.fields, field{i, inner})
		}
	}
	if len(c.zero) > 0 && slices.ContainsFunc(c.zero, func(i int) bool { return !t.Field(i).IsExported() }) {
		return nil // reflection cannot clear it
	}
	return c
}

// hasSay reports whether a type has methods that encode or decode it.
func hasSay(t reflect.Type) bool {
	for _, i := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
	} {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

// faithful reports whether encoding keeps all of v.
func (c *copier) faithful(v reflect.Value) bool {
	switch {
	case c == plain:
		return true
	case c.text:
		return utf8.ValidString(v.String())
	case c.elem != nil && v.Kind() == reflect.Pointer:
		return v.IsNil() || c.elem.faithful(v.Elem())
	case c.elem != nil:
		for i := range v.Len() {
			if c.elem == plain {
				break
			}
			if !c.elem.faithful(v.Index(i)) {
				return false
			}
		}
		return true
	}
	for _, f := range c.fields {
		if !f.faithful(v.Field(f.index)) {
			return false
		}
	}
	return true
}

// deepen gives v, a copy, its own of all that it refers to.
func (c *copier) deepen(v reflect.Value) {
	switch {
	case c == plain || c.text:
	case c.elem != nil && v.IsNil():
	case c.elem != nil && v.Kind() == reflect.Pointer:
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		c.elem.deepen(own.Elem())
		v.Set(own)
	case c.elem != nil:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		if c.elem.refers() {
			for i := range own.Len() {
				c.elem.deepen(own.Index(i))
			}
		}
		v.Set(own)
	default:
		for _, i := range c.zero {
			v.Field(i).SetZero()
		}
		for _, f := range c.fields {
			if f.refers() {
				f.deepen(v.Field(f.index))
			}
		}
	}
}

// refers says that an assignment does not copy all, or copies too much.
func (c *copier) refers() bool {
	if c.elem != nil || len(c.zero) > 0 {
		return true
	}
	return slices.ContainsFunc(c.fields, func(f field) bool { return f.refers() })
}
