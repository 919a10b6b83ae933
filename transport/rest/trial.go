package rest

import (
	"encoding/json"
	"reflect"
	"time"
)

// trial is what a type that writes itself makes of values: nobody can tell but by
// trying.
type trial struct {
	kind  string // the type of JSON value, "" where there was none but null
	mixed bool   // they were of several types
	null  bool   // one was null
	time  bool   // all texts were times
}

// trialOf tries the zero value of t, and one in which everything is set that can be.
func trialOf(t reflect.Type) (all trial) {
	all.time = true
	all.add(reflect.New(t))
	some := reflect.New(t)
	set(some.Elem(), 0)
	all.add(some)
	return all
}

// add tries one value, to which v points. One that cannot be written says nothing.
func (all *trial) add(v reflect.Value) {
	defer func() { _ = recover() }()
	text, err := json.Marshal(v.Interface())
	if err != nil || len(text) == 0 {
		return
	}
	kind := "number"
	switch text[0] {
	case 'n':
		all.null = true
		return
	case '"':
		kind = "string"
		all.time = all.time && json.Unmarshal(text, new(time.Time)) == nil
	case '{':
		kind = "object"
	case '[':
		kind = "array"
	case 't', 'f':
		kind = "boolean"
	}
	all.mixed = all.mixed || all.kind != "" && all.kind != kind
	all.kind = kind
}

// schema is what fits all that was tried.
func (all trial) schema() any {
	if all.mixed || all.kind == "" {
		return map[string]any{}
	}
	s := kind(all.kind)
	if all.kind == "string" && all.time {
		s["format"] = "date-time"
	}
	if all.null {
		return orNull(s)
	}
	return s
}

// set gives v a value that is not zero, as far as it can be set from here.
func set(v reflect.Value, depth int) {
	if !v.CanSet() || depth > maxNesting {
		return
	}
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		if depth < 4 { // a type may hold itself
			v.Set(reflect.New(v.Type().Elem()))
			set(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			set(v.Field(i), depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			set(v.Index(i), depth+1)
		}
	}
}
