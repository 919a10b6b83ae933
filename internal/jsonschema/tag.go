package jsonschema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Tags of a field that a schema has.
const (
	tagDescription = "doc"
	tagExample     = "example"
	tagKeywords    = "schema"
)

// requiredWord is the word of the tag schema for a member that a request must have.
const requiredWord = "required"

// textKeywords and otherKeywords are the keywords that the tag schema may have: those whose
// value is a text, and those whose value is a number or a bool.
var (
	textKeywords  = []string{"format", "pattern"}
	otherKeywords = []string{
		"minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
		"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
	}
)

// Annotate adds to the schema of a field what its tags doc, example and schema say, and
// reports whether a request must have the field. It panics on a tag that says nothing
// that a schema can have.
func Annotate(s map[string]any, f reflect.StructField) (required bool) {
	required = addKeywords(s, f)
	if text := f.Tag.Get(tagDescription); text != "" {
		s["description"] = text
	}
	if text, ok := f.Tag.Lookup(tagExample); ok {
		s["examples"] = []any{exampleOf(s, f, text)}
	}
	return required
}

// addKeywords adds the keywords of the tag schema. A pattern is the last one: it may have
// commas.
func addKeywords(s map[string]any, f reflect.StructField) (required bool) {
	for rest := f.Tag.Get(tagKeywords); rest != ""; {
		part, after, _ := strings.Cut(rest, ",")
		name, value, _ := strings.Cut(part, "=")
		if name == "pattern" {
			_, value, _ = strings.Cut(rest, "=")
			after = ""
		}
		rest = after
		switch {
		case part == requiredWord:
			required = true
		case slices.Contains(textKeywords, name) && value != "":
			s[name] = value
		case slices.Contains(otherKeywords, name) && json.Valid([]byte(value)):
			s[name] = json.RawMessage(value)
		default:
			panic(fmt.Sprintf("jsonschema: field %s: the tag schema has %q: it may have required, or a value for one of %s",
				f.Name, part, strings.Join(slices.Concat(otherKeywords, textKeywords), ", ")))
		}
	}
	return required
}

// exampleOf returns the example of a field as JSON: a text as it is, and anything else as
// JSON says it.
func exampleOf(s map[string]any, f reflect.StructField, text string) any {
	if isText(s) {
		return text
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		panic(fmt.Sprintf("jsonschema: field %s: the tag example has %q, which is no JSON: %v", f.Name, text, err))
	}
	return value
}

// isText reports whether the values of a schema are strings, or null.
func isText(s map[string]any) bool {
	switch kind := s["type"].(type) {
	case string:
		return kind == "string"
	case []string:
		return kind[0] == "string"
	}
	either, _ := s["anyOf"].([]any)
	return len(either) > 0 && isText(either[0].(map[string]any))
}

// isRequired reports whether a request must have a field.
func isRequired(f reflect.StructField) bool { return addKeywords(map[string]any{}, f) }
