package jsonschema

import (
	"encoding/json"
	"reflect"
	"slices"
)

// acceptsNull reports whether null stands for the zero value of a member or an element, as
// an Exact schema of a request says.
func (c *Collection) acceptsNull(t reflect.Type) bool {
	return c.Exact && c.Input && !hasRequired(t) && readsNull(t)
}

// refusesNull reports whether a request lacks what it must have if this t is null.
func (c *Collection) refusesNull(t reflect.Type) bool { return c.Exact && c.Input && hasRequired(t) }

// hasRequired reports whether a request for a t must have some member. For such a type null
// is as wrong as {}.
func hasRequired(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	return slices.ContainsFunc(reflect.VisibleFields(t), isRequired)
}

// readsNull reports whether encoding/json reads null into a t, which it leaves as it is.
func readsNull(t reflect.Type) (reads bool) {
	defer func() { reads = reads && recover() == nil }()
	return json.Unmarshal([]byte("null"), reflect.New(t).Interface()) == nil
}

// orNull returns a schema that allows null, too. One with a format is in an anyOf: readers
// of OpenAPI overlook the format of a type that is a list.
func orNull(schema any) any {
	s, ok := schema.(map[string]any)
	if !ok {
		return true
	}
	if s["format"] != nil || s["$ref"] != nil {
		return map[string]any{"anyOf": []any{s, Type("null")}}
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
	return s
}

// withoutNull returns the schema without the null that orNull has added.
func withoutNull(s map[string]any) map[string]any {
	if either, ok := s["anyOf"].([]any); ok {
		return either[0].(map[string]any)
	}
	if names, ok := s["type"].([]string); ok {
		s["type"] = names[0]
		if values, ok := s["enum"].([]any); ok {
			s["enum"] = values[:len(values)-1]
		}
	}
	return s
}
