package rest

import (
	"reflect"
	"time"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// plainPlan says how JSON of a type is read in one pass, as far as it is plain: see
// plainReader.
type plainPlan struct {
	t      reflect.Type
	shape  *shape
	kind   plainKind
	fields []plainField   // of a struct
	byName map[string]int // index in fields
	elem   *plainPlan     // of a list, a map or a pointer
}

// plainField is a field of a struct that is a member.
type plainField struct {
	name  string
	at    int   // its index in the struct, if index is nil
	index []int // through embedded structs
	*plainPlan
}

// plainKind is how a value is read.
type plainKind int

// The kinds of values. The zero kind is read by encoding/json.
const (
	otherKind plainKind = iota
	textKind
	intKind
	uintKind
	floatKind
	boolKind
	structKind
	listKind
	mapKind
	pointerKind
	timeKind
)

// maxPlainFields is how many fields a struct may have: a bit says which of them were there.
const maxPlainFields = 64

// plainPlanOf returns the plan of a type of this shape.
func plainPlanOf(t reflect.Type, s *shape) *plainPlan {
	return plainPlans{}.of(t, s)
}

// plainPlans are the plans of the types that are known.
type plainPlans map[reflect.Type]*plainPlan

func (all plainPlans) of(t reflect.Type, s *shape) *plainPlan {
	if p := all[t]; p != nil {
		return p
	}
	p := &plainPlan{t: t, shape: s}
	if s == nil || s.quoted != nil { // the option string is one of the field, not of the type
		return p
	}
	all[t] = p
	switch {
	case t == reflect.TypeFor[time.Time]():
		p.kind = timeKind
	case decodesItself(t) || t == numberType:
	case t.Kind() == reflect.String:
		p.kind = textKind
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		p.kind = intKind
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		p.kind = uintKind
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		p.kind = floatKind
	case t.Kind() == reflect.Bool:
		p.kind = boolKind
	case t.Kind() == reflect.Pointer:
		p.kind, p.elem = pointerKind, all.of(t.Elem(), s)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		p.kind, p.elem = listKind, all.of(t.Elem(), s.elem)
	case t.Kind() == reflect.Map && s.key == nil:
		p.kind, p.elem = mapKind, all.of(t.Elem(), s.elem)
	case t.Kind() == reflect.Struct:
		all.addFields(p)
	}
	return p
}

// addFields makes p a plan of a struct, unless that has members of a kind of their own.
func (all plainPlans) addFields(p *plainPlan) {
	members := jsonfields.Of(p.t)
	for _, m := range members {
		if m.Quoted || m.Indirect || len(members) > maxPlainFields {
			return
		}
	}
	p.kind, p.byName = structKind, map[string]int{}
	for i, m := range members {
		f := plainField{name: m.Name, at: m.Index[0], plainPlan: all.of(m.Type, p.shape.members[m.Name])}
		if len(m.Index) > 1 {
			f.index = m.Index
		}
		p.fields = append(p.fields, f)
		p.byName[m.Name] = i
	}
}

// in returns the field of v.
func (f *plainField) in(v reflect.Value) reflect.Value {
	if f.index != nil {
		return v.FieldByIndex(f.index)
	}
	return v.Field(f.at)
}
