package rest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// document collects the schemas of an OpenAPI document, one per Go type.
type document struct {
	schemas map[string]any
	names   map[reflect.Type]string
	open    map[reflect.Type]bool // named types being described
}

// enumerated is a type that lists its values.
type enumerated interface{ Enum() []string }

var (
	enumeratedType = reflect.TypeFor[enumerated]()
	marshalerType  = reflect.TypeFor[json.Marshaler]()
)

// schema is the JSON Schema of what encoding/json makes of t.
func (d *document) schema(t reflect.Type) any {
	if s, ok := encoded(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return kind("boolean")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return kind("integer")
	case reflect.Float32, reflect.Float64:
		return kind("number")
	case reflect.String:
		return kind("string")
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return d.made(t)
	case reflect.Struct:
		return d.named(t)
	}
	return map[string]any{}
}

// made is the schema of a type made of another one. Only where it holds itself is
// it referred to by its name.
func (d *document) made(t reflect.Type) any {
	if t.Name() == "" {
		return d.elements(t)
	}
	name, known := d.names[t]
	if !known && d.open[t] {
		name, known = d.name(t), true
	}
	if known {
		return reference(name)
	}
	d.open[t] = true
	s := d.elements(t)
	delete(d.open, t)
	if name, held := d.names[t]; held {
		d.schemas[name] = s
		return reference(name)
	}
	return s
}

// elements describes a type made of another one by that.
func (d *document) elements(t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	}
	if t.Elem().Kind() == reflect.Uint8 && t.Kind() == reflect.Slice {
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	}
	return map[string]any{"type": "array", "items": d.schema(t.Elem())}
}

// encoded is the schema of a type that encodes itself.
func encoded(t reflect.Type) (any, bool) {
	switch {
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}, true
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return nil, false
	case t.Implements(enumeratedType):
		return map[string]any{"type": "string", "enum": reflect.Zero(t).Interface().(enumerated).Enum()}, true
	case t.Implements(marshalerType):
		return likeZero(t), true
	case t.Implements(textMarshalerType) || reflect.PointerTo(t).Implements(textUnmarshalerType):
		return kind("string"), true
	}
	return nil, false
}

// likeZero is the schema of what a type makes of its zero value.
func likeZero(t reflect.Type) (schema any) {
	defer func() {
		if recover() != nil { // a type that cannot encode its zero value says nothing
			schema = map[string]any{}
		}
	}()
	text, err := json.Marshal(reflect.Zero(t).Interface())
	if err != nil || len(text) == 0 {
		return map[string]any{}
	}
	switch text[0] {
	case '"':
		return kind("string")
	case '{':
		return kind("object")
	case '[':
		return kind("array")
	case 't', 'f':
		return kind("boolean")
	case 'n':
		return map[string]any{}
	}
	return kind("number")
}

// named refers to the schema of a struct, which it makes at first.
func (d *document) named(t reflect.Type) any {
	if t.Name() == "" {
		return d.object(t)
	}
	name, known := d.names[t]
	if !known {
		name = d.name(t)
		d.schemas[name] = d.object(t)
	}
	return reference(name)
}

// name takes a name for the schema of t, which refers to it while it is made.
func (d *document) name(t reflect.Type) string {
	name := schemaName(t)
	for n := 2; d.schemas[name] != nil || name == "Problem"; n++ {
		name = schemaName(t) + strconv.Itoa(n)
	}
	d.names[t], d.schemas[name] = name, true
	return name
}

func (d *document) nullable(t reflect.Type) any {
	s, ok := d.schema(t).(map[string]any)
	if !ok {
		return true
	}
	if name, ok := s["type"].(string); ok {
		s["type"] = []string{name, "null"}
		if values, ok := s["enum"].([]string); ok {
			all := make([]any, len(values), len(values)+1)
			for i, value := range values {
				all[i] = value
			}
			s["enum"] = append(all, nil)
		}
		return s
	}
	if s["$ref"] != nil {
		return map[string]any{"anyOf": []any{s, kind("null")}}
	}
	return s
}

func (d *document) object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	d.properties(t, properties)
	return map[string]any{"type": "object", "properties": properties}
}

// properties adds those of t; a field goes before one of what t embeds. around
// are the structs that t is embedded in.
func (d *document) properties(t reflect.Type, into map[string]any, around ...reflect.Type) {
	if slices.Contains(around, t) {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := jsonName(f)
		if flattened(f) || !f.IsExported() || name == "-" || travels(f) || into[name] != nil {
			continue
		}
		if f.Type.Kind() == reflect.Pointer {
			into[name] = d.nullable(f.Type.Elem())
		} else {
			into[name] = d.schema(f.Type)
		}
	}
	for i := range t.NumField() {
		if f := t.Field(i); flattened(f) {
			d.properties(pointedTo(f.Type), into, append(around, t)...)
		}
	}
}

// flattened says that encoding/json takes the fields of f, an embedded struct,
// for those of the struct around it.
func flattened(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return f.Anonymous && name == "" && pointedTo(f.Type).Kind() == reflect.Struct
}

func pointedTo(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// travels says that a field is not in the body.
func travels(f reflect.StructField) bool {
	for _, in := range []string{"path", "query", "header"} {
		if _, ok := f.Tag.Lookup(in); ok {
			return true
		}
	}
	return false
}

// problem is the schema of a failure, after RFC 9457.
func (d *document) problem() {
	d.schemas["Problem"] = map[string]any{"type": "object", "properties": map[string]any{
		"type": kind("string"), "title": kind("string"), "status": kind("integer"), "detail": kind("string"),
		"code":   map[string]any{"type": "string", "description": "The class of the failure, such as not_found."},
		"reason": map[string]any{"type": "string", "description": "The rule that refused, where one did."},
	}}
}

func kind(name string) map[string]any { return map[string]any{"type": name} }

// schemaName is "ListOrder" for List[*api.Order].
func schemaName(t reflect.Type) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(t.Name(), func(r rune) bool { return strings.ContainsRune("[],*", r) }) {
		b.WriteString(part[strings.LastIndexAny(part, "./")+1:])
	}
	return b.String()
}
