package eventbus

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// copier copies values of one type as encoding and decoding them would. It is
// nil for types with a say in their encoding.
type copier struct {
	refers bool    // an assignment does not copy all, or copies too much
	elem   *copier // of what a slice or pointer refers to
	fields []field // those that refer to something
	zero   []int   // fields that are not encoded
}

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
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return plain
	case reflect.Slice, reflect.Pointer:
		elem := newCopier(t.Elem(), append(within, t))
		if elem == nil || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Pointer {
			return nil
		}
		return &copier{refers: true, elem: elem}
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
		case inner.refers:
			c.fields = append(c.fields, field{i, inner})
		}
	}
	c.refers = len(c.fields)+len(c.zero) > 0
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

// deepen gives v, a copy, its own of all that it refers to.
func (c *copier) deepen(v reflect.Value) {
	switch {
	case !c.refers || c.elem != nil && v.IsNil():
	case c.elem == nil:
		for _, i := range c.zero {
			v.Field(i).SetZero()
		}
		for _, f := range c.fields {
			f.deepen(v.Field(f.index))
		}
	case v.Kind() == reflect.Pointer:
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		c.elem.deepen(own.Elem())
		v.Set(own)
	case v.Len() == 0:
		v.SetCap(0) // empty is not nil
	default:
		v.SetCap(v.Len()) // so that growing makes a copy
		v.Grow(1)
		if c.elem.refers {
			for i := range v.Len() {
				c.elem.deepen(v.Index(i))
			}
		}
	}
}
