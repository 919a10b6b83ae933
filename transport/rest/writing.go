package rest

import (
	"bytes"
	"reflect"
)

// writing is how encoding/json writes a type, as far as it writes null where its
// reader expects a list or an object. The nil writing has nothing like that in it.
type writing struct {
	empty   string              // what a nil slice or map is instead of null
	members map[string]*writing // of a struct
	elem    *writing            // of a map, slice or array
	pointed *writing            // of what a pointer points to: its own null stays
}

// written is a type where encoding/json gets to its address, or not.
type written struct {
	reflect.Type
	addressable bool
}

// writings makes the writings of one route's types.
type writings struct {
	pattern
	owner reflect.Type
	known map[written]*writing
}

// writingOf is the writing of t. It panics where encoding/json would write a
// value by its fields and read it by a method.
func (p pattern) writingOf(t reflect.Type) *writing {
	all := writings{p, t, map[written]*writing{}}
	w := all.of(t, true)
	for _, each := range all.known {
		if each.empty != "" {
			return w
		}
	}
	return nil
}

// of is the writing of t. What is in a map is not addressable.
func (all *writings) of(t reflect.Type, addressable bool) *writing {
	if t.Kind() == reflect.Interface || encodesItself(t) {
		return nil
	}
	if t.Kind() != reflect.Pointer && encodesItself(reflect.PointerTo(t)) {
		if !addressable {
			all.refuse("%s holds values of %s in a map, where encoding/json does not find the methods of *%[2]s that write it: hold *%[2]s there, or give %[2]s itself the methods", all.owner, t)
		}
		return nil
	}
	at := written{t, addressable}
	if w, ok := all.known[at]; ok {
		return w
	}
	w := &writing{}
	all.known[at] = w
	switch t.Kind() {
	case reflect.Pointer:
		w.pointed = all.of(t.Elem(), true)
	case reflect.Struct:
		w.members = map[string]*writing{}
		for _, m := range membersOf(t) {
			w.members[m.name] = all.of(m.t, addressable || t.FieldByIndex(m.index).Type != m.t)
		}
	case reflect.Map:
		w.empty, w.elem = "{}", all.of(t.Elem(), false)
	case reflect.Slice:
		if isBytes(t) {
			w.empty = `""`
		} else {
			w.empty, w.elem = "[]", all.of(t.Elem(), true)
		}
	case reflect.Array:
		w.elem = all.of(t.Elem(), addressable)
	}
	return w
}

// encodesItself says that encoding/json leaves a value of type t to its own method.
func encodesItself(t reflect.Type) bool {
	return t.Implements(marshalerType) || t.Implements(textMarshalerType)
}

// isBytes says that encoding/json writes a slice as text, in base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !encodesItself(reflect.PointerTo(t.Elem()))
}

// fill is JSON that encoding/json wrote, with an empty list or object for each
// slice or map that is nil.
func (w *writing) fill(text []byte) []byte {
	if w == nil || !bytes.Contains(text, []byte("null")) {
		return text
	}
	f := filling{inspection: inspection{text: text}, out: make([]byte, 0, len(text))}
	f.value(w)
	return append(f.out, text[f.copied:]...)
}

// filling goes through what encoding/json has written.
type filling struct {
	inspection
	out    []byte
	copied int // how much of the text is in out
}

func (f *filling) value(w *writing) {
	if f.text[f.at] == 'n' {
		if w != nil && w.empty != "" {
			f.out = append(append(f.out, f.text[f.copied:f.at]...), w.empty...)
			f.copied = f.at + len("null")
		}
		f.at += len("null")
		return
	}
	for w != nil && w.pointed != nil {
		w = w.pointed
	}
	if w == nil {
		w = &writing{}
	}
	switch open := f.text[f.at]; open {
	case '{', '[':
		for f.at++; f.text[f.at] != '}' && f.text[f.at] != ']'; {
			in := w.elem
			if open == '{' {
				name, _ := f.name()
				f.at++ // the colon
				if w.members != nil {
					in = w.members[string(name)]
				}
			}
			f.value(in)
			if f.text[f.at] == ',' {
				f.at++
			}
		}
		f.at++
	default:
		_ = f.inspection.value(nil, 0) // a string or a scalar, which encoding/json wrote
	}
}
