package rest

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/jsonschema"
)

// codec parses and formats the values of one type as text in paths, queries and headers.
type codec struct {
	parse  func(v reflect.Value, text string) error
	format func(v reflect.Value) (string, error)
	// expects says what the text should have been; "" if parse's own error says it better.
	expects string
	// schema is the JSON Schema of what parse accepts.
	schema map[string]any
}

// schemaOf returns a new schema of a parameter of type t.
func (c codec) schemaOf(t reflect.Type) map[string]any {
	s := maps.Clone(c.schema)
	if p := reflect.PointerTo(t); s["type"] == "string" && t.Kind() == reflect.String && p.Implements(enumeratorType) {
		s["enum"] = reflect.New(t).Interface().(Enumerator).Enum()
	}
	return s
}

// durationPattern matches what time.ParseDuration accepts, but does not exclude numbers
// that are too large for it.
const durationPattern = `^[+-]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

const (
	expectsURL      = "a URL such as https://example.org/a?b=c"
	expectsAddress  = "an IP address such as 192.0.2.1 or 2001:db8::1"
	expectsTime     = "a time such as 2026-01-02T15:04:05Z"
	expectsDuration = `a duration such as "1.5s"`
	expectsInt      = "a whole number"
	expectsUint     = "a whole number of 0 or more"
	expectsFloat    = "a number"
	expectsBool     = "true or false"
	expectsString   = "a string"
)

// codecOf returns the codec of a type, and false for a type without a text form.
func codecOf(t reflect.Type) (codec, bool) {
	switch t {
	case urlType, reflect.PointerTo(urlType):
		schema := map[string]any{"type": "string", "format": "uri-reference"}
		return codec{parseURL, formatURL, expectsURL, schema}, true
	case durationType:
		return codec{parseDuration, formatDuration, expectsDuration, map[string]any{
			"type": "string", "pattern": durationPattern, "examples": []string{"1.5s", "2m30s"}, "description": "A duration in Go's form.",
		}}, true
	}
	c, ok := basicCodec(t)
	if reflect.PointerTo(t).Implements(textUnmarshalerType) {
		c.parse, c.expects, c.schema = parseText, "", jsonschema.Type("string")
		switch t {
		case timeType:
			c.expects, c.schema = expectsTime, map[string]any{"type": "string", "format": "date-time"}
		case addressType:
			c.expects = expectsAddress
		}
		if reflect.PointerTo(t).Implements(textMarshalerType) {
			c.format, ok = formatText, true
		}
	}
	return c, ok
}

func basicCodec(t reflect.Type) (codec, bool) {
	bits := 0
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 {
		bits = t.Bits()
	}
	switch t.Kind() {
	case reflect.String:
		return codec{parseString, formatString, expectsString, jsonschema.Type("string")}, true
	case reflect.Bool:
		return codec{parseBool, formatBool, expectsBool, jsonschema.Type("boolean")}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return codec{func(v reflect.Value, text string) error {
			n, err := strconv.ParseInt(text, 10, bits)
			v.SetInt(n)
			return err
		}, func(v reflect.Value) (string, error) { return strconv.FormatInt(v.Int(), 10), nil }, expectsInt, jsonschema.Int(bits)}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return codec{func(v reflect.Value, text string) error {
			n, err := strconv.ParseUint(text, 10, bits)
			v.SetUint(n)
			return err
		}, func(v reflect.Value) (string, error) { return strconv.FormatUint(v.Uint(), 10), nil }, expectsUint, jsonschema.Uint(bits)}, true
	case reflect.Float32, reflect.Float64:
		return floatCodec(bits), true
	}
	return codec{}, false
}

func floatCodec(bits int) codec {
	return codec{func(v reflect.Value, text string) error {
		f, err := strconv.ParseFloat(text, bits)
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = strconv.ErrRange
		}
		v.SetFloat(f)
		return err
	}, func(v reflect.Value) (string, error) {
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return "", fmt.Errorf("%v is no number", f)
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, bits), nil
	}, expectsFloat, jsonschema.Type("number")}
}

func parseString(v reflect.Value, text string) error {
	v.SetString(text)
	return nil
}

func formatString(v reflect.Value) (string, error) { return v.String(), nil }

func parseBool(v reflect.Value, text string) error {
	b, err := strconv.ParseBool(text)
	v.SetBool(b)
	return err
}

func formatBool(v reflect.Value) (string, error) { return strconv.FormatBool(v.Bool()), nil }

func parseDuration(v reflect.Value, text string) error {
	d, err := time.ParseDuration(text)
	v.SetInt(int64(d))
	return err
}

func formatDuration(v reflect.Value) (string, error) { return time.Duration(v.Int()).String(), nil }

func parseText(v reflect.Value, text string) error {
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
}

func formatText(v reflect.Value) (string, error) {
	text, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
	return string(text), err
}

// parseURL sets a url.URL, or a pointer to one.
func parseURL(v reflect.Value, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.ValueOf(u))
	default:
		v.Set(reflect.ValueOf(*u))
	}
	return err
}

func formatURL(v reflect.Value) (string, error) {
	if v.Kind() != reflect.Pointer {
		v = v.Addr()
	}
	if v.IsNil() {
		return "", nil
	}
	return v.Interface().(*url.URL).String(), nil
}

var errNotListed = errors.New("it is not one of the values")

// listed returns c for a parameter of type t. A string type that lists its values, and has
// no UnmarshalText to decide about them, accepts no others.
func (c codec) listed(t reflect.Type) codec {
	p := reflect.PointerTo(t)
	if t.Kind() != reflect.String || !p.Implements(enumeratorType) || p.Implements(textUnmarshalerType) {
		return c
	}
	values := reflect.New(t).Interface().(Enumerator).Enum()
	parse := c.parse
	c.expects = ellipsis.Cut("one of "+strings.Join(values, ", "), maxQuotedError/2)
	c.parse = func(v reflect.Value, text string) error {
		if !slices.Contains(values, text) {
			return errNotListed
		}
		return parse(v, text)
	}
	return c
}
