// Package jsonfields lists the members of a JSON object that encoding/json reads into, and
// writes from, a struct. It has all the rules of encoding/json: tags, embedded structs and
// pointers to them, and which of several fields with one name counts.
package jsonfields

import (
	"reflect"
	"slices"
	"sync"
)

// Field is a field of a struct that is a member of its JSON object.
type Field struct {
	// Name is the name of the member.
	Name string
	// Index is the way to the field, through embedded structs.
	Index []int
	// Type is the type of the field.
	Type reflect.Type
	// Indirect says that a pointer is on the way to the field. It may be nil.
	Indirect bool
	// Optional says that encoding/json may omit the member when it writes: by omitempty
	// or omitzero, or because the field is Indirect.
	Optional bool
	// Quoted says that the option string has an effect: a number or bool is in quotes.
	Quoted bool
}

// Get returns the field of v, a struct. ok is false if an embedded pointer around it is
// nil.
func (f Field) Get(v reflect.Value) (field reflect.Value, ok bool) {
	field, err := v.FieldByIndexErr(f.Index)
	return field, err == nil
}

// Set returns the field of v, an addressable struct, and first makes the embedded structs
// that pointers around the field miss. ok is false if one of those pointers cannot be
// set, since its type is not exported.
func (f Field) Set(v reflect.Value) (field reflect.Value, ok bool) {
	for _, i := range f.Index {
		if v.Kind() == reflect.Pointer {
			if !v.CanSet() {
				return reflect.Value{}, false
			}
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

var known sync.Map // reflect.Type → []Field

// Of returns the fields of t, a struct, in the order of their declaration. The result is
// shared and must not be modified. Of several fields with one name, the least deeply
// embedded one counts, then the one whose tag gives the name, else none.
func Of(t reflect.Type) []Field {
	if fields, ok := known.Load(t); ok {
		return fields.([]Field)
	}
	fields, _ := known.LoadOrStore(t, fieldsOf(t))
	return fields.([]Field)
}

// embedded is an embedded struct, or the outermost one.
type embedded struct {
	t     reflect.Type
	index []int
	// indirect says that a pointer is on the way to it.
	indirect bool
	// copies is how often its type is embedded on the same level.
	copies int
}

// candidate is a field that counts unless another one of its name hides it.
type candidate struct {
	Field
	tagged bool
}

func fieldsOf(t reflect.Type) []Field {
	var fields []Field
	settled, visited := map[string]bool{}, map[reflect.Type]bool{}
	for level := []*embedded{{t: t, copies: 1}}; len(level) > 0; {
		onLevel := map[string][]candidate{}
		var next []*embedded
		for _, e := range level {
			visited[e.t] = true
		}
		for _, e := range level {
			for f := range e.t.Fields() {
				index := append(slices.Clip(e.index), f.Index...)
				if Inlined(f) {
					inner := &embedded{pointed(f.Type), index, e.indirect || f.Type.Kind() == reflect.Pointer, 1}
					next = appendOnce(next, inner, visited)
				} else if c, ok := candidateOf(f, index, e.indirect); ok {
					onLevel[c.Name] = append(onLevel[c.Name], slices.Repeat([]candidate{c}, e.copies)...)
				}
			}
		}
		for name, all := range onLevel {
			if settled[name] {
				continue
			}
			settled[name] = true
			if f, ok := dominant(all); ok {
				fields = append(fields, f)
			}
		}
		level = next
	}
	slices.SortFunc(fields, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return fields
}

// appendOnce adds e to a level, or counts it there if its type is on the level already.
func appendOnce(level []*embedded, e *embedded, visited map[reflect.Type]bool) []*embedded {
	if visited[e.t] {
		return level
	}
	for _, other := range level {
		if other.t == e.t {
			other.copies++
			return level
		}
	}
	return append(level, e)
}

// candidateOf returns the candidate that a field is.
func candidateOf(f reflect.StructField, index []int, indirect bool) (candidate, bool) {
	tag, ok := TagOf(f)
	c := candidate{tagged: tag.Name != "", Field: Field{
		Name: tag.Name, Index: index, Type: f.Type, Indirect: indirect,
		Optional: indirect || tag.Has("omitempty") || tag.Has("omitzero"),
		Quoted:   tag.Has("string") && quotable(f.Type),
	}}
	if !c.tagged {
		c.Name = f.Name
	}
	return c, ok
}

// dominant returns the candidate that hides the others of its level, if there is one.
func dominant(all []candidate) (Field, bool) {
	if len(all) == 1 {
		return all[0].Field, true
	}
	tagged := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !c.tagged })
	if len(tagged) == 1 {
		return tagged[0].Field, true
	}
	return Field{}, false
}

// quotable reports whether the option string has an effect on a field of this type.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}
