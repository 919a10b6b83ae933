package rest

import (
	"reflect"
	"slices"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonfields"
)

// document collects the schemas of an OpenAPI document. A Go type may have two, one for
// answers and one for requests: an answer always has the members that encoding/json
// writes, while a request may leave out any, and may have null for a list.
type document struct {
	components
	inProgress map[typeUse]bool // named types whose description is not finished
	input      bool             // the schema being made is that of a request
	paths      map[string]*pathItem
	ids        map[string]bool // operation ids in use
}

// Enumerator is a string type that lists its values, for the OpenAPI document.
type Enumerator interface{ Enum() []string }

// schema returns the JSON Schema of what encoding/json writes for a t, or reads into one.
func (d *document) schema(t reflect.Type) any {
	if s, ok := d.selfEncoded(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return typeSchema("boolean")
	case reflect.Int, reflect.Int64:
		return typeSchema("integer")
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return intSchema(t.Bits())
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return uintSchema(64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return uintSchema(t.Bits())
	case reflect.Float32, reflect.Float64:
		return typeSchema("number")
	case reflect.String:
		return typeSchema("string")
	case reflect.Slice, reflect.Map:
		if d.input {
			return orNull(d.composite(t))
		}
		return d.composite(t)
	case reflect.Pointer, reflect.Array:
		return d.composite(t)
	case reflect.Struct:
		return d.structSchema(t)
	}
	return map[string]any{}
}

// composite returns the schema of a pointer, list or map. Only a named type that contains
// itself gets an entry in the components.
func (d *document) composite(t reflect.Type) any {
	if t.Name() == "" {
		return d.elements(t)
	}
	key := typeUse{t, d.input}
	name, known := d.names[key]
	if !known && d.inProgress[key] {
		name, known = d.assignName(key), true
	}
	if known {
		return reference(name)
	}
	d.inProgress[key] = true
	s := d.elements(t)
	delete(d.inProgress, key)
	if name, isRecursive := d.names[key]; isRecursive {
		d.schemas[name] = s
		return reference(name)
	}
	return s
}

// elements describes a composite type by its elements.
func (d *document) elements(t reflect.Type) any {
	switch {
	case t.Kind() == reflect.Pointer:
		return d.schema(t.Elem())
	case t.Kind() == reflect.Map:
		s := map[string]any{"type": "object", "additionalProperties": d.element(t.Elem())}
		if pattern := patternOf(t.Key()); d.input && pattern != "" && !decodesItself(t.Key()) {
			s["propertyNames"] = map[string]any{"pattern": pattern}
		}
		return s
	case isBytes(t):
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case t.Kind() == reflect.Array && !d.input: // encoding/json reads a list of any length into an array
		return map[string]any{"type": "array", "items": d.element(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	}
	return map[string]any{"type": "array", "items": d.element(t.Elem())}
}

// element returns the schema of an element of a list or map: a pointer there may be nil.
func (d *document) element(t reflect.Type) any {
	if t.Kind() == reflect.Pointer {
		return orNull(d.schema(t))
	}
	return d.schema(t)
}

// selfEncoded returns the schema of a type that encodes itself, or, in a request, decodes
// itself.
func (d *document) selfEncoded(t reflect.Type) (any, bool) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, false
	}
	p := reflect.PointerTo(t)
	own, text := p.Implements(marshalerType), p.Implements(textMarshalerType)
	if d.input {
		own, text = p.Implements(unmarshalerType), p.Implements(textUnmarshalerType)
	}
	switch {
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}, true
	case t == numberType:
		return typeSchema("number"), true
	case p.Implements(enumeratorType) && (t.Kind() == reflect.String || own || text):
		return enumSchema(t), true
	case own && !p.Implements(marshalerType): // what its UnmarshalJSON accepts is unknown
		return map[string]any{}, true
	case own:
		return sampleOf(t).schema(), true
	case text:
		return typeSchema("string"), true
	}
	return nil, false
}

// enumSchema returns the schema of a type that lists its values.
func enumSchema(t reflect.Type) any {
	sampled := sampleOf(t)
	if sampled.kind != "" && sampled.kind != "string" {
		return sampled.schema() // it does not encode itself as one of the listed strings
	}
	s := map[string]any{"type": "string", "enum": reflect.New(t).Interface().(Enumerator).Enum()}
	if sampled.null {
		return orNull(s)
	}
	return s
}

// structSchema returns a reference to the schema of a struct, which it makes first if
// needed.
func (d *document) structSchema(t reflect.Type) any {
	if t.Name() == "" {
		return d.object(t, nil)
	}
	key := typeUse{t, d.input}
	name, known := d.names[key]
	if !known {
		name = d.assignName(key)
		d.schemas[name] = d.object(t, nil)
	}
	return reference(name)
}

// orNull returns a schema that allows null, too.
func orNull(schema any) any {
	s, ok := schema.(map[string]any)
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
		return map[string]any{"anyOf": []any{s, typeSchema("null")}}
	}
	return s
}

// object returns the schema of a struct without the bound members, which travel elsewhere.
func (d *document) object(t reflect.Type, bound []field) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, m := range jsonfields.Of(t) {
		if slices.ContainsFunc(bound, func(f field) bool { return slices.Equal(f.index, m.Index) }) {
			continue
		}
		properties[m.Name] = d.member(m)
		if !m.Optional && !d.input {
			required = append(required, m.Name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (d *document) member(m jsonfields.Field) any {
	t, null := m.Type, false
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t, null = t.Elem(), true
	}
	s := d.schema(t)
	if _, itself := d.selfEncoded(t); m.Quoted && (!itself || t == numberType) {
		s = quotedSchema(t)
	}
	if null || t.Kind() == reflect.Pointer {
		return orNull(s)
	}
	return s
}

// quotedSchema returns the schema of a value of type t in quotes.
func quotedSchema(t reflect.Type) map[string]any {
	s := typeSchema("string")
	if pattern := patternOf(t); pattern != "" {
		s["pattern"] = pattern
	}
	return s
}

// patternOf returns the pattern of a number or bool as text, "" for other types.
func patternOf(t reflect.Type) string {
	const whole = `(0|[1-9][0-9]*)`
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return "^(true|false)$"
	case k >= reflect.Int && k <= reflect.Int64:
		return "^-?" + whole + "$"
	case k >= reflect.Uint && k <= reflect.Uintptr:
		return "^" + whole + "$"
	case k == reflect.Float32 || k == reflect.Float64:
		return "^-?" + whole + `(\.[0-9]+)?([eE][+-]?[0-9]+)?$`
	}
	return ""
}

// addProblemSchema adds the schema of a failure, after RFC 9457.
func (d *document) addProblemSchema() {
	s := d.object(reflect.TypeFor[fault.Problem](), nil)
	s["required"] = []string{"type", "status", "detail", "code"}
	for name, text := range map[string]string{
		"code": "The class of the failure, such as not_found.", "reason": "The rule that refused, where one did.",
		"details": "More about the failure.", "retry_after": "How long to wait before the next try, such as 1.5s.",
		"unprocessed": "No handler ran, so that any operation may be repeated.", "repeated": "The call was repeated already.",
		"service": "The service that failed, where it is not the one that answers.",
	} {
		s["properties"].(map[string]any)[name].(map[string]any)["description"] = text
	}
	d.schemas["Problem"] = s
}

func typeSchema(name string) map[string]any { return map[string]any{"type": name} }
