package jsonschema

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// Schema returns the JSON Schema of what encoding/json writes for a t, or reads into one.
func (c *Collection) Schema(t reflect.Type) any {
	if s, ok := c.selfEncoded(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return Type("boolean")
	case reflect.Int, reflect.Int64:
		if c.Exact && c.Input {
			return exactInt64()
		}
		return Type("integer")
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return Int(t.Bits())
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return Uint(64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return Uint(t.Bits())
	case reflect.Float32, reflect.Float64:
		return Type("number")
	case reflect.String:
		return Type("string")
	case reflect.Slice, reflect.Map:
		if c.Input {
			return orNull(c.composite(t))
		}
		return c.composite(t)
	case reflect.Pointer, reflect.Array:
		return c.composite(t)
	case reflect.Struct:
		return c.structSchema(t)
	}
	return map[string]any{}
}

// composite returns the schema of a pointer, list or map. Only a named type that contains
// itself gets an entry in the components.
func (c *Collection) composite(t reflect.Type) any {
	if t.Name() == "" {
		return c.elements(t)
	}
	key := typeUse{t, c.Input}
	name, known := c.names[key]
	if !known && c.inProgress[key] {
		name, known = c.assignName(key), true
	}
	if known {
		return Reference(name)
	}
	c.inProgress[key] = true
	s := c.elements(t)
	delete(c.inProgress, key)
	if name, isRecursive := c.names[key]; isRecursive {
		c.ByName[name] = s
		return Reference(name)
	}
	return s
}

// elements describes a composite type by its elements.
func (c *Collection) elements(t reflect.Type) any {
	switch {
	case t.Kind() == reflect.Pointer:
		return c.Schema(t.Elem())
	case t.Kind() == reflect.Map:
		s := map[string]any{"type": "object", "additionalProperties": c.element(t.Elem())}
		if pattern := patternOf(t.Key()); c.Input && pattern != "" && !jsonfields.DecodesItself(t.Key()) {
			s["propertyNames"] = map[string]any{"pattern": pattern}
		}
		return s
	case jsonfields.IsBytes(t):
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case t.Kind() == reflect.Array && !c.Input: // encoding/json reads a list of any length into an array
		return map[string]any{"type": "array", "items": c.element(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	}
	return map[string]any{"type": "array", "items": c.element(t.Elem())}
}

// element returns the schema of an element of a list or map: a pointer there may be nil.
func (c *Collection) element(t reflect.Type) any {
	if t.Kind() == reflect.Pointer && !c.refusesNull(t.Elem()) || c.acceptsNull(t) {
		return orNull(c.Schema(t))
	}
	return c.Schema(t)
}

// selfEncoded returns the schema of a type that encodes itself, or, in a request, decodes
// itself.
func (c *Collection) selfEncoded(t reflect.Type) (any, bool) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, false
	}
	p := reflect.PointerTo(t)
	own, text := p.Implements(marshalerType), p.Implements(textMarshalerType)
	if c.Input {
		own, text = p.Implements(unmarshalerType), p.Implements(textUnmarshalerType)
	}
	switch {
	case p.Implements(describerType) && (own || text || t.Kind() != reflect.Struct):
		return maps.Clone(reflect.New(t).Interface().(Describer).JSONSchema()), true
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}, true
	case t == numberType:
		return Type("number"), true
	case p.Implements(enumeratorType) && (t.Kind() == reflect.String || own || text):
		return c.enumSchema(t), true
	case own && !p.Implements(marshalerType): // what its UnmarshalJSON accepts is unknown
		return map[string]any{}, true
	case own:
		return sampleOf(t).schema(), true
	case text:
		return Type("string"), true
	}
	return nil, false
}

// enumSchema returns the schema of a type that lists its values.
func (c *Collection) enumSchema(t reflect.Type) any {
	sampled := sampleOf(t)
	if sampled.kind != "" && sampled.kind != "string" {
		return sampled.schema() // it does not encode itself as one of the listed strings
	}
	s := map[string]any{"type": "string", "enum": reflect.New(t).Interface().(Enumerator).Enum()}
	if c.MarkClosed && refusesUnknown(t) {
		s[Closed] = true
	}
	if sampled.null {
		return orNull(s)
	}
	return s
}

// refusesUnknown reports whether t cannot be read from a string that is none of its values.
func refusesUnknown(t reflect.Type) (refuses bool) {
	defer func() {
		if recover() != nil {
			refuses = true
		}
	}()
	return json.Unmarshal([]byte(`"\u0001 is no value"`), reflect.New(t).Interface()) != nil
}

// structSchema returns a reference to the schema of a struct, which it makes first if
// needed.
func (c *Collection) structSchema(t reflect.Type) any {
	if t.Name() == "" {
		return c.Object(t, nil)
	}
	key := typeUse{t, c.Input}
	name, known := c.names[key]
	if !known {
		name = c.assignName(key)
		c.ByName[name] = c.Object(t, nil)
	}
	return Reference(name)
}

// Object returns the schema of a struct without the fields that travel elsewhere, which are
// given by their index.
func (c *Collection) Object(t reflect.Type, elsewhere [][]int) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, m := range jsonfields.Of(t) {
		if slices.ContainsFunc(elsewhere, func(index []int) bool { return slices.Equal(index, m.Index) }) {
			continue
		}
		s := c.member(t, m)
		properties[m.Name] = s
		if c.Input && isRequired(t.FieldByIndex(m.Index)) || !m.Optional && !c.Input {
			required = append(required, m.Name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if required != nil {
		s["required"] = required
	}
	return s
}

// member returns the schema of a member of a struct, owner.
func (c *Collection) member(owner reflect.Type, m jsonfields.Field) any {
	t, null := m.Type, false
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t, null = t.Elem(), true
	}
	null = null || t.Kind() == reflect.Pointer || c.acceptsNull(t)
	f := owner.FieldByIndex(m.Index)
	schema := c.valueOf(t, c.Input && isRequired(f))
	if _, itself := c.selfEncoded(t); m.Quoted && (!itself || t == numberType) {
		schema = quotedSchema(t)
	}
	s := schema.(map[string]any)
	if null && !(c.Input && isRequired(f)) {
		s = orNull(s).(map[string]any)
	}
	Annotate(s, f)
	return s
}

// valueOf returns the schema of the values of a t; without null, if a request must have
// one.
func (c *Collection) valueOf(t reflect.Type, required bool) any {
	if !required {
		return c.Schema(t)
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		if _, itself := c.selfEncoded(t); !itself {
			return c.composite(t)
		}
	}
	return withoutNull(c.Schema(t).(map[string]any))
}

// quotedSchema returns the schema of a value of type t in quotes.
func quotedSchema(t reflect.Type) map[string]any {
	s := Type("string")
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

// Type returns the schema of a type of JSON value, such as "string".
func Type(name string) map[string]any { return map[string]any{"type": name} }

// Int returns the schema of an integer of this size. JSON readers cannot represent the
// bounds of 64 bits exactly, so that size is given as a format.
func Int(bits int) map[string]any {
	if bits == 64 {
		return map[string]any{"type": "integer", "format": "int64"}
	}
	return map[string]any{"type": "integer", "minimum": -1 << (bits - 1), "maximum": 1<<(bits-1) - 1}
}

// exactInt64 returns the schema of an integer of 64 bits with its bounds. A reader that
// rounds them to a float accepts one number too many.
func exactInt64() map[string]any {
	return map[string]any{
		"type": "integer", "minimum": json.Number("-9223372036854775808"),
		"maximum": json.Number("9223372036854775807"),
	}
}

// Uint returns the schema of an integer of this size that is not negative.
func Uint(bits int) map[string]any {
	if bits == 64 {
		return map[string]any{"type": "integer", "minimum": 0}
	}
	return map[string]any{"type": "integer", "minimum": 0, "maximum": uint64(1)<<bits - 1}
}
