package rest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"unicode/utf8"
)

// plainReader reads JSON text into a value in one pass, if the text is plain: valid, of the
// type, without duplicate members, and without anything else that is refused or that
// encoding/json reads in a way of its own, such as a name in another case, a whole number
// with a fraction, or null for the whole. What it accepts it reads as encoding/json does. A text that it
// does not accept is not wrong: encoding/json decides.
type plainReader struct {
	scanner
	strict bool
}

// maxUnknown is how many members of one object may be unknown.
const maxUnknown = 8

// read sets target, a pointer to a zero value, from text. If it reports false, target is
// zero again.
func (p *plainPlan) read(text []byte, target any, strict bool) bool {
	if p == nil || p.kind == otherKind || p.kind == pointerKind && p.elem.kind == otherKind || !utf8.Valid(text) {
		return false
	}
	if bytes.IndexByte(text, '\\') >= 0 && loneSurrogate(text) != nil {
		return false
	}
	v := reflect.ValueOf(target).Elem()
	r := plainReader{scanner{text: text}, strict}
	if r.next() != 'n' && r.value(p, v, 0) && r.next() == 0 && r.pos == len(text) {
		return true
	}
	v.SetZero()
	return false
}

// value reads the next value into v.
func (r *plainReader) value(p *plainPlan, v reflect.Value, depth int) bool {
	first := r.next()
	if first == 'n' { // v is zero, as null leaves it
		return p.kind != otherKind && r.literal("null")
	}
	switch p.kind {
	case textKind:
		return first == '"' && r.str(v)
	case intKind:
		return r.integer(v)
	case uintKind:
		return r.unsigned(v)
	case floatKind:
		return r.float(v)
	case boolKind:
		return r.boolean(v)
	case structKind:
		return first == '{' && r.object(p, v, depth+1)
	case listKind:
		return first == '[' && r.list(p, v, depth+1)
	case mapKind:
		return first == '{' && r.dictionary(p, v, depth+1)
	case pointerKind:
		to := reflect.New(p.elem.t)
		v.Set(to)
		return r.value(p.elem, to.Elem(), depth)
	case timeKind:
		return first == '"' && r.instant(v)
	}
	text := r.skipped(p.shape, depth)
	return text != nil && json.Unmarshal(text, v.Addr().Interface()) == nil
}

// skipped skips a value that is inspected, and returns its text; nil if that is not plain.
func (r *plainReader) skipped(s *shape, depth int) []byte {
	start := r.pos
	i := inspection{scanner: r.scanner, strict: r.strict, maxDepth: maxNesting}
	if i.value(s, depth) != nil || len(i.fractions) > 0 {
		return nil
	}
	r.pos = i.pos
	return r.text[start:r.pos]
}

// more skips the comma or the end of an object or a list. ok is false if there is neither.
func (r *plainReader) more(end byte) (more, ok bool) {
	switch c := r.next(); c {
	case ',', end:
		r.pos++
		return c == ',', true
	}
	return false, false
}

// name skips the name of a member and the colon.
func (r *plainReader) name() (name []byte, ok bool) {
	if r.next() != '"' {
		return nil, false
	}
	if name, ok = r.plainString(); !ok || r.next() != ':' {
		return nil, false
	}
	r.pos++
	return name, true
}

// isEmpty skips the beginning of an object or a list, and its end if nothing is in it.
func (r *plainReader) isEmpty(end byte) bool {
	r.pos++
	if r.next() != end {
		return false
	}
	r.pos++
	return true
}

func (r *plainReader) object(p *plainPlan, v reflect.Value, depth int) bool {
	if depth > maxNesting {
		return false
	}
	if r.isEmpty('}') {
		return true
	}
	var seen uint64
	var unknown [maxUnknown][]byte
	for n, at, others := true, 0, 0; n; {
		name, ok := r.name()
		if !ok {
			return false
		}
		if at == len(p.fields) || p.fields[at].name != string(name) {
			at, ok = p.byName[string(name)]
		}
		if ok {
			f := &p.fields[at]
			if seen&(1<<at) != 0 || !r.value(f.plainPlan, f.in(v), depth) {
				return false
			}
			seen |= 1 << at
			at++
		} else {
			if others == maxUnknown || !r.ignore(p, name, unknown[:others], depth) {
				return false
			}
			unknown[others] = name
			others++
			at = len(p.fields)
		}
		if n, ok = r.more('}'); !ok {
			return false
		}
	}
	return true
}

// ignore skips the value of a member that the struct does not have. others are the names of
// those before.
func (r *plainReader) ignore(p *plainPlan, name []byte, others [][]byte, depth int) bool {
	if _, canonical, detail := p.shape.member(name, r.strict); detail != "" || !bytes.Equal(canonical, name) {
		return false // that of a field in another case
	}
	for _, other := range others {
		if bytes.Equal(other, name) {
			return false
		}
	}
	r.next()
	text := r.skipped(nil, depth)
	return text != nil && json.Valid(text)
}

func (r *plainReader) list(p *plainPlan, v reflect.Value, depth int) bool {
	if depth > maxNesting {
		return false
	}
	if r.isEmpty(']') {
		v.Set(reflect.MakeSlice(p.t, 0, 0))
		return true
	}
	for n, length := true, 0; n; length++ {
		if length == v.Cap() {
			v.Grow(max(4, length))
		}
		v.SetLen(length + 1)
		var ok bool
		if !r.value(p.elem, v.Index(length), depth) {
			return false
		}
		if n, ok = r.more(']'); !ok {
			return false
		}
	}
	return true
}

func (r *plainReader) dictionary(p *plainPlan, v reflect.Value, depth int) bool {
	if depth > maxNesting {
		return false
	}
	v.Set(reflect.MakeMap(p.t))
	if r.isEmpty('}') {
		return true
	}
	for n := true; n; {
		name, ok := r.name()
		if !ok {
			return false
		}
		key := reflect.ValueOf(string(name)).Convert(p.t.Key())
		elem := reflect.New(p.elem.t).Elem()
		if v.MapIndex(key).IsValid() || !r.value(p.elem, elem, depth) {
			return false
		}
		v.SetMapIndex(key, elem)
		if n, ok = r.more('}'); !ok {
			return false
		}
	}
	return true
}
