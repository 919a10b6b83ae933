package eventbus

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// copier copies the values of one type, with the same result as encoding and decoding
// them. There is none (nil) for types that influence their own encoding.
type copier struct {
	infallible    bool    // encoding cannot fail
	needsDeepCopy bool    // an assignment does not copy all, or copies too much
	elem          *copier // for what a slice or pointer refers to
	fields        []field // only fields that need a deep copy
	cleared       []int   // fields that are not encoded
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

// Copiers for what an assignment copies. Encoding a float can fail: NaN and infinities
// have no JSON.
var (
	plainCopier = &copier{infallible: true}
	floatCopier = &copier{}
)

func newCopier(t reflect.Type, within []reflect.Type) *copier {
	if slices.Contains(within, t) || encodesItself(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return plainCopier
	case reflect.Float32, reflect.Float64:
		return floatCopier
	case reflect.Slice, reflect.Pointer:
		elem := newCopier(t.Elem(), append(within, t))
		if elem == nil || t.Kind() == reflect.Pointer && (t.Elem().Kind() == reflect.Pointer || t.Name() != "") {
			return nil
		}
		return &copier{infallible: elem.infallible, needsDeepCopy: true, elem: elem}
	case reflect.Struct:
		return structCopier(t, append(within, t))
	}
	return nil
}

func structCopier(t reflect.Type, within []reflect.Type) *copier {
	c := &copier{infallible: true}
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := jsonfields.TagOf(f)
		if f.Anonymous || tag.Options != nil {
			return nil
		}
		if !ok {
			c.cleared = append(c.cleared, i)
			continue
		}
		name := strings.ToLower(cmp.Or(tag.Name, f.Name))
		if names[name] {
			return nil
		}
		names[name] = true
		inner := newCopier(f.Type, within)
		if inner == nil {
			return nil
		}
		c.infallible = c.infallible && inner.infallible
		if inner.needsDeepCopy {
			c.fields = append(c.fields, field{i, inner})
		}
	}
	c.needsDeepCopy = len(c.fields)+len(c.cleared) > 0
	if len(c.cleared) > 0 && slices.ContainsFunc(c.cleared, func(i int) bool { return !t.Field(i).IsExported() }) {
		return nil // reflection cannot clear it
	}
	return c
}

// encodesItself reports whether t has methods that encode or decode it.
func encodesItself(t reflect.Type) bool {
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

// clone returns a pointer to a copy of what v points to.
func (c *copier) clone(v reflect.Value) reflect.Value {
	clone := reflect.New(v.Type().Elem())
	clone.Elem().Set(v.Elem())
	c.elem.deepCopy(clone.Elem(), v.Elem())
	return clone
}

// deepCopy replaces all that own, an assigned copy of v, shares with v by copies.
func (c *copier) deepCopy(own, v reflect.Value) {
	switch {
	case !c.needsDeepCopy || c.elem != nil && v.IsNil():
	case c.elem == nil:
		for _, i := range c.cleared {
			own.Field(i).SetZero()
		}
		for _, f := range c.fields {
			f.deepCopy(own.Field(f.index), v.Field(f.index))
		}
	case v.Kind() == reflect.Pointer:
		own.Set(c.clone(v))
	case v.Len() == 0:
		own.SetCap(0) // empty is not nil
	default:
		own.SetZero()
		own.Grow(v.Len()) // exactly as much room as decoding would make
		own.SetLen(v.Len())
		reflect.Copy(own, v)
		if c.elem.needsDeepCopy {
			for i := range v.Len() {
				c.elem.deepCopy(own.Index(i), v.Index(i))
			}
		}
	}
}
