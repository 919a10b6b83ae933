package rest

import (
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// field is a field that travels outside the body.
type field struct {
	in       string // "path", "query", "header" or "cookie"
	name     string
	index    []int
	t        reflect.Type // without pointer and slice
	codec    codec
	optional bool // a pointer
	list     bool // a slice
	// absent is the text that stands for a parameter that is absent, nil for none.
	absent       *string
	defaultValue any // what absent is in JSON
}

// setAll sets the field to all values of its parameter. It returns what is wrong with
// them, "" if nothing is.
func (f *field) setAll(v reflect.Value, values []string) (detail string) {
	if len(values) > 1 && !f.list { // a proxy on the way may pick another of the values
		return "it is given " + strconv.Itoa(len(values)) + " times"
	}
	if len(values) == 0 && f.absent != nil {
		return f.set(v, *f.absent)
	}
	for _, text := range values {
		if detail := f.set(v, text); detail != "" {
			return detail
		}
	}
	return ""
}

func (f *field) set(v reflect.Value, text string) (detail string) {
	if !utf8.ValidString(text) {
		return "bytes that are no UTF-8"
	}
	at := v.FieldByIndex(f.index)
	into := at
	if f.optional || f.list {
		into = reflect.New(f.t).Elem()
	}
	if err := f.codec.parse(into, text); err != nil {
		if f.codec.expects == "" {
			return ellipsis.Cut(messageOf(err), maxQuotedError)
		}
		return f.codec.expects + " is expected, not " + strconv.Quote(shorten(text))
	}
	switch {
	case f.optional:
		at.Set(into.Addr())
	case f.list:
		at.Set(reflect.Append(at, into))
	}
	return ""
}

// String names the field for a message.
func (f *field) String() string { return fault.Violation{Parameter: f.name, In: f.in}.Error() }

// formatAll returns the values of a field as text, none if it is absent.
func (f *field) formatAll(v reflect.Value) ([]string, error) {
	switch {
	case f.list:
		var all []string
		for i := range v.Len() {
			text, err := f.format(v.Index(i))
			if err != nil {
				return nil, err
			}
			all = append(all, text)
		}
		return all, nil
	case f.optional && v.IsNil():
		return nil, nil
	case f.optional:
		v = v.Elem()
	case v.IsZero():
		return nil, nil
	}
	text, err := f.format(v)
	return []string{text}, err
}

func (f *field) format(v reflect.Value) (string, error) {
	if !v.CanAddr() {
		own := reflect.New(v.Type()).Elem()
		own.Set(v)
		v = own
	}
	return f.codec.format(v)
}

// schema returns a new schema of the field as a parameter.
func (f *field) schema() map[string]any {
	s := f.codec.schemaOf(f.t)
	if f.list {
		return map[string]any{"type": "array", "items": s}
	}
	if f.absent != nil {
		s["default"] = f.defaultValue
	}
	return s
}

// literal returns a parameter's value as it is in its JSON Schema: a number or a bool, or
// else its text.
func literal(v reflect.Value, text string) any {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	c, _ := codecOf(v.Type())
	switch {
	case c.schema["type"] == "boolean":
		return v.Bool()
	case c.schema["type"] == "number":
		f, _ := strconv.ParseFloat(text, 64) // a float32 has digits that nobody wrote
		return f
	case c.schema["type"] == "integer" && v.CanInt():
		return v.Int()
	case c.schema["type"] == "integer":
		return v.Uint()
	}
	return text
}
