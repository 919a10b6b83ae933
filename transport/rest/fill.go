package rest

import (
	"bytes"
	"reflect"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// fillPlan says where encoding/json writes null for a value of a type, though its reader
// expects a list or an object. The nil fillPlan is that of a type without such values.
type fillPlan struct {
	empty   string               // what replaces the null of a nil slice or map
	members map[string]*fillPlan // of a struct
	elem    *fillPlan            // of a map, slice or array
	pointed *fillPlan            // of what a pointer points to; the null of the pointer itself stays
}

// planKey is a type, and whether encoding/json can use the methods of its pointer.
type planKey struct {
	reflect.Type
	addressable bool
}

// fillPlanner makes the fill plans of one route's types.
type fillPlanner struct {
	pattern
	owner reflect.Type
	known map[planKey]*fillPlan
}

// fillPlanOf returns the fill plan of t, nil if there is nothing to fill. It panics on a
// type that encoding/json would write by its fields and read by a method.
func (p pattern) fillPlanOf(t reflect.Type) *fillPlan {
	all := fillPlanner{p, t, map[planKey]*fillPlan{}}
	w := all.of(t, true)
	for _, each := range all.known {
		if each.empty != "" {
			return w
		}
	}
	return nil
}

// of returns the fill plan of t. What is in a map is not addressable.
func (all *fillPlanner) of(t reflect.Type, addressable bool) *fillPlan {
	if t.Kind() == reflect.Interface || encodesItself(t) {
		return nil
	}
	if t.Kind() != reflect.Pointer && encodesItself(reflect.PointerTo(t)) {
		if !addressable {
			all.refuse("%s holds values of %s in a map, where encoding/json does not find the methods of *%[2]s that write it: hold *%[2]s there, or give %[2]s itself the methods", all.owner, t)
		}
		return nil
	}
	at := planKey{t, addressable}
	if w, ok := all.known[at]; ok {
		return w
	}
	w := &fillPlan{}
	all.known[at] = w
	switch t.Kind() {
	case reflect.Pointer:
		w.pointed = all.of(t.Elem(), true)
	case reflect.Struct:
		w.members = map[string]*fillPlan{}
		for _, m := range jsonfields.Of(t) {
			w.members[m.Name] = all.of(m.Type, addressable || m.Indirect)
		}
	case reflect.Map:
		w.empty, w.elem = "{}", all.of(t.Elem(), false)
	case reflect.Slice:
		if jsonfields.IsBytes(t) {
			w.empty = `""`
		} else {
			w.empty, w.elem = "[]", all.of(t.Elem(), true)
		}
	case reflect.Array:
		w.elem = all.of(t.Elem(), addressable)
	}
	return w
}

// fill returns text, which encoding/json wrote, with an empty list or object for each nil
// slice or map.
func (w *fillPlan) fill(text []byte) []byte {
	if w == nil || !bytes.Contains(text, []byte("null")) {
		return text
	}
	f := filler{scanner: scanner{text: text}, out: make([]byte, 0, len(text))}
	f.value(w)
	return append(f.out, text[f.copied:]...)
}

// filler walks through text that encoding/json wrote.
type filler struct {
	scanner
	out    []byte
	copied int // how much of the text is in out
}

func (f *filler) value(w *fillPlan) {
	if f.text[f.pos] == 'n' {
		if w != nil && w.empty != "" {
			f.out = append(append(f.out, f.text[f.copied:f.pos]...), w.empty...)
			f.copied = f.pos + len("null")
		}
		f.pos += len("null")
		return
	}
	for w != nil && w.pointed != nil {
		w = w.pointed
	}
	if w == nil {
		w = &fillPlan{}
	}
	switch open := f.text[f.pos]; open {
	case '{', '[':
		for f.pos++; f.text[f.pos] != '}' && f.text[f.pos] != ']'; {
			in := w.elem
			if open == '{' {
				name, _ := f.readName()
				f.pos++ // the colon
				if w.members != nil {
					in = w.members[string(name)]
				}
			}
			f.value(in)
			if f.text[f.pos] == ',' {
				f.pos++
			}
		}
		f.pos++
	default:
		_ = f.skipScalar() // encoding/json wrote it
	}
}
