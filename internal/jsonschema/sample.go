package jsonschema

import (
	"encoding/json"
	"reflect"
	"time"
)

// maxDepth is how deep a sample is filled.
const maxDepth = 100

// sample is what a type that encodes itself makes of some values; there is no other way to
// learn its form.
type sample struct {
	kind  string // type of JSON value, "" if all were null
	mixed bool   // the values had several types
	null  bool   // a value was null
	time  bool   // all strings were times
}

// sampleOf samples the zero value of t, and one with everything set that can be set.
func sampleOf(t reflect.Type) (all sample) {
	all.time = true
	all.add(reflect.New(t))
	some := reflect.New(t)
	setNonZero(some.Elem(), 0)
	all.add(some)
	return all
}

// add samples the value that v points to. It ignores a value that cannot be encoded.
func (all *sample) add(v reflect.Value) {
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

// schema returns a schema that fits all samples.
func (all sample) schema() any {
	if all.mixed || all.kind == "" {
		return map[string]any{}
	}
	s := Type(all.kind)
	if all.kind == "string" && all.time {
		s["format"] = "date-time"
	}
	if all.null {
		return orNull(s)
	}
	return s
}

// setNonZero sets v to a non-zero value, as far as it can be set from here.
func setNonZero(v reflect.Value, depth int) {
	if !v.CanSet() || depth > maxDepth {
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
		if depth < 4 { // a type may contain itself
			v.Set(reflect.New(v.Type().Elem()))
			setNonZero(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			setNonZero(v.Field(i), depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			setNonZero(v.Index(i), depth+1)
		}
	}
}
