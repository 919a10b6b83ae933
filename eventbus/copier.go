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
	sure   bool    // encoding cannot fail
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

// The copiers of what an assignment copies; not every float has an encoding.
var (
	plain = &copier{sure: true}
	float = &copier{}
)

func newCopier(t reflect.Type, within []reflect.Type) *copier {
	if slices.Contains(within, t) || hasSay(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return plain
	case reflect.Float32, reflect.Float64:
		return float
	case reflect.Slice, reflect.Pointer:
		elem := newCopier(t.Elem(), append(within, t))
		if elem == nil || t.Kind() == reflect.Pointer && (t.Elem().Kind() == reflect.Pointer || t.Name() != "") {
			return nil
		}
		return &copier{sure: elem.sure, refers: true, elem: elem}
	case reflect.Struct:
		return structCopier(t, append(within, t))
	}
	return nil
}

func structCopier(t reflect.Type, within []reflect.Type) *copier {
	c := &copier{sure: true}
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
		if inner == nil {
			return nil
		}
		c.sure = c.sure && inner.sure
		if inner.refers {
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

// clone is a pointer to a copy of what v points to.
func (c *copier) clone(v reflect.Value) reflect.Value {
	own := reflect.New(v.Type().Elem())
	own.Elem().Set(v.Elem())
	c.elem.deepen(own.Elem(), v.Elem())
	return own
}

// deepen gives own, an assigned copy of v, its own of all that v refers to.
func (c *copier) deepen(own, v reflect.Value) {
	switch {
	case !c.refers || c.elem != nil && v.IsNil():
	case c.elem == nil:
		for _, i := range c.zero {
			own.Field(i).SetZero()
		}
		for _, f := range c.fields {
			f.deepen(own.Field(f.index), v.Field(f.index))
		}
	case v.Kind() == reflect.Pointer:
		own.Set(c.clone(v))
	case v.Len() == 0:
		own.SetCap(0) // empty is not nil
	default:
		own.SetZero()
		own.Grow(v.Len()) // room for no more, unlike what append makes
		own.SetLen(v.Len())
		reflect.Copy(own, v)
		if c.elem.refers {
			for i := range v.Len() {
				c.elem.deepen(own.Index(i), v.Index(i))
			}
		}
	}
}
