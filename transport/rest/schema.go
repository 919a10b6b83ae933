package rest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// document collects the schemas of an OpenAPI document: one per Go type for what is
// answered, and one for what is taken, which differs: an answer always has the
// members that encoding/json writes, a request may leave out any, and may have null
// for a list.
type document struct {
	schemas map[string]any
	names   map[use]string
	open    map[use]bool // named types being described
	taken   bool         // what is described now is a request
	paths   map[string]*pathItem
	ids     map[string]bool // of operations
}

// use is a type in one of the two directions.
type use struct {
	reflect.Type
	taken bool
}

// enumerated is a type that lists its values.
type enumerated interface{ Enum() []string }

var (
	enumeratedType = reflect.TypeFor[enumerated]()
	marshalerType  = reflect.TypeFor[json.Marshaler]()
	numberType     = reflect.TypeFor[json.Number]()
)

// schema is the JSON Schema of what encoding/json makes of t, or makes a t of.
func (d *document) schema(t reflect.Type) any {
	if s, ok := d.encoded(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return kind("boolean")
	case reflect.Int, reflect.Int64:
		return kind("integer")
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return ints(t.Bits())
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return uints(64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return uints(t.Bits())
	case reflect.Float32, reflect.Float64:
		return kind("number")
	case reflect.String:
		return kind("string")
	case reflect.Slice, reflect.Map:
		if d.taken {
			return orNull(d.made(t))
		}
		return d.made(t)
	case reflect.Pointer, reflect.Array:
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
	as := use{t, d.taken}
	name, known := d.names[as]
	if !known && d.open[as] {
		name, known = d.name(as), true
	}
	if known {
		return reference(name)
	}
	d.open[as] = true
	s := d.elements(t)
	delete(d.open, as)
	if name, held := d.names[as]; held {
		d.schemas[name] = s
		return reference(name)
	}
	return s
}

// elements describes a type made of another one by that.
func (d *document) elements(t reflect.Type) any {
	switch {
	case t.Kind() == reflect.Pointer:
		return d.schema(t.Elem())
	case t.Kind() == reflect.Map:
		s := map[string]any{"type": "object", "additionalProperties": d.element(t.Elem())}
		if pattern := patternOf(t.Key()); d.taken && pattern != "" && !decodesItself(t.Key()) {
			s["propertyNames"] = map[string]any{"pattern": pattern}
		}
		return s
	case isBytes(t):
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case t.Kind() == reflect.Array && !d.taken: // what is taken may have more or less
		return map[string]any{"type": "array", "items": d.element(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	}
	return map[string]any{"type": "array", "items": d.element(t.Elem())}
}

// element is the schema of what is in a list or a map: a pointer there may be nil.
func (d *document) element(t reflect.Type) any {
	if t.Kind() == reflect.Pointer {
		return orNull(d.schema(t))
	}
	return d.schema(t)
}

// encoded is the schema of a type that encodes itself, or decodes itself where it is
// taken.
func (d *document) encoded(t reflect.Type) (any, bool) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, false
	}
	p := reflect.PointerTo(t)
	own, text := p.Implements(marshalerType), p.Implements(textMarshalerType)
	if d.taken {
		own, text = p.Implements(unmarshalerType), p.Implements(textUnmarshalerType)
	}
	switch {
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}, true
	case t == numberType:
		return kind("number"), true
	case p.Implements(enumeratedType) && (t.Kind() == reflect.String || own || text):
		return listed(t), true
	case own && !p.Implements(marshalerType): // nothing says what it reads
		return map[string]any{}, true
	case own:
		return trialOf(t).schema(), true
	case text:
		return kind("string"), true
	}
	return nil, false
}

// listed is the schema of a type that lists its values.
func listed(t reflect.Type) any {
	like := trialOf(t)
	if like.kind != "" && like.kind != "string" {
		return like.schema() // it is not the listed text that it writes
	}
	s := map[string]any{"type": "string", "enum": reflect.New(t).Interface().(enumerated).Enum()}
	if like.null {
		return orNull(s)
	}
	return s
}

// named refers to the schema of a struct, which it makes at first.
func (d *document) named(t reflect.Type) any {
	if t.Name() == "" {
		return d.object(t, nil)
	}
	as := use{t, d.taken}
	name, known := d.names[as]
	if !known {
		name = d.name(as)
		d.schemas[name] = d.object(t, nil)
	}
	return reference(name)
}

// name takes a name for the schema of a type, which refers to it while it is made.
// What is taken is "OrderInput" where Order is answered, too.
func (d *document) name(as use) string {
	plain := schemaName(as.Type)
	if as.taken && d.names[use{as.Type, false}] != "" {
		plain += "Input"
	}
	name := plain
	for n := 2; d.schemas[name] != nil || name == "Problem"; n++ {
		name = plain + strconv.Itoa(n)
	}
	d.names[as], d.schemas[name] = name, true
	return name
}

// orNull is a schema of which null is a value, too.
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
		return map[string]any{"anyOf": []any{s, kind("null")}}
	}
	return s
}

// object is the schema of a struct, without the members that are bound elsewhere.
func (d *document) object(t reflect.Type, bound []field) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, m := range membersOf(t) {
		if slices.ContainsFunc(bound, func(f field) bool { return slices.Equal(f.index, m.index) }) {
			continue
		}
		properties[m.name] = d.member(m)
		if !m.absent && !d.taken {
			required = append(required, m.name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (d *document) member(m member) any {
	t, null := m.t, false
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t, null = t.Elem(), true
	}
	s := d.schema(t)
	if _, itself := d.encoded(t); m.quoted && (!itself || t == numberType) {
		s = quoted(t)
	}
	if null || t.Kind() == reflect.Pointer {
		return orNull(s)
	}
	return s
}

// quoted is the schema of a value of type t within quotes.
func quoted(t reflect.Type) map[string]any {
	s := kind("string")
	if pattern := patternOf(t); pattern != "" {
		s["pattern"] = pattern
	}
	return s
}

// patternOf is how a number or a bool looks as a text, "" for what is neither.
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

// problem is the schema of a failure, after RFC 9457.
func (d *document) problem() {
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

func kind(name string) map[string]any { return map[string]any{"type": name} }

// schemaName is "ListOrder" for List[*api.Order].
func schemaName(t reflect.Type) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(t.Name(), func(r rune) bool { return strings.ContainsRune("[]{}(),;* ", r) }) {
		part = part[strings.LastIndexAny(part, "./")+1:]
		part, _, _ = strings.Cut(part, "·") // of a type within a function
		for _, r := range part {
			if isLetterOrDigit(r) || r == '_' || r == '-' {
				b.WriteRune(r)
			}
		}
	}
	if b.Len() == 0 {
		return "Type"
	}
	return b.String()
}
