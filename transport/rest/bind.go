package rest

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonfields"
	"github.com/sinew-go/sinew/internal/validation"
)

// binding says where the fields of a request type travel.
type binding struct {
	t           reflect.Type // the struct, nil for None
	pointer     bool         // requests are pointers to t
	fields      []field
	query       bool   // some field travels in the query
	body        bool   // some field travels in the body
	overlapping bool   // the body may set a bound field, too
	shape       *shape // of the body
}

// field is a field that travels outside the body.
type field struct {
	in       string // "path", "query" or "header"
	name     string
	index    []int
	t        reflect.Type // without pointer and slice
	codec    codec
	optional bool // a pointer
	list     bool // a slice
}

func bindingOf(p pattern, t reflect.Type) binding {
	var b binding
	if t != reflect.TypeFor[endpoint.None]() {
		b.t = t
		if t.Kind() == reflect.Pointer {
			b.t, b.pointer = t.Elem(), true
		}
		if b.t.Kind() != reflect.Struct {
			p.refuse("a request of type %s cannot be bound; use a struct, a pointer to one, or endpoint.None", t)
		}
		b.collect(p, b.t, nil)
		if b.body {
			b.shape = shapeOf(b.t, map[reflect.Type]*shape{})
		}
	}
	for _, s := range p.segments {
		if s.name != "" && b.variable(s.name) == nil {
			p.refuse("path variable {%s} has no field tagged `path:%q` in %s", s.name, s.name, t)
		}
	}
	return b
}

// collect adds the fields of t, including those of embedded structs.
func (b *binding) collect(p pattern, t reflect.Type, index []int) {
	if p.hasBody() && index == nil && reflect.PointerTo(t).Implements(unmarshalerType) {
		b.body = true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		_, inBody := jsonfields.TagOf(f)
		if in, name := locationOf(p, f); in != "" {
			b.add(p, t, f, in, name, at)
			b.overlapping = b.overlapping || inBody && p.hasBody()
			continue
		}
		switch {
		case jsonfields.Inlined(f) && f.Type.Kind() == reflect.Struct:
			b.collect(p, f.Type, at)
		case f.Anonymous && hasBoundField(f.Type):
			p.refuse("%s is embedded in %s as a pointer or with a json tag, and its fields tagged path, query or header would not be bound: embed the struct as it is", f.Name, t)
		case !f.IsExported() || !inBody:
		case p.hasBody():
			b.body = true
		default:
			p.refuse("%s has no body: tag field %s of %s with path, query or header, or with `json:\"-\"`", p.method, f.Name, t)
		}
	}
}

func (b *binding) add(p pattern, owner reflect.Type, f reflect.StructField, in, name string, index []int) {
	bound := field{in: in, name: name, index: index, t: f.Type}
	switch {
	case name == "":
		p.refuse("the %s tag of %s.%s is empty", in, owner, f.Name)
	case !f.IsExported():
		p.refuse("field %s of %s is tagged %s but not exported", f.Name, owner, in)
	case in == "path" && !slices.ContainsFunc(p.segments, func(s segment) bool { return s.name == name }):
		p.refuse("field %s of %s is tagged `path:%q`, but the pattern has no {%s}", f.Name, owner, name, name)
	}
	if in == "header" {
		bound.name = http.CanonicalHeaderKey(name)
		if !isHeaderName(name) {
			p.refuse("field %s of %s is tagged `header:%q`, which is no name of a header", f.Name, owner, name)
		}
		if slices.Contains(reservedHeaders, bound.name) {
			p.refuse("field %s of %s is tagged `header:%q`, which HTTP itself sets", f.Name, owner, name)
		}
	}
	for _, other := range b.fields {
		if other.in == in && other.name == bound.name {
			p.refuse("two fields of %s are tagged `%s:%q`", b.t, in, name)
		}
	}
	var ok bool
	if bound.codec, ok = codecOf(bound.t); !ok {
		switch {
		case f.Type.Kind() == reflect.Pointer && in != "path":
			bound.optional, bound.t = true, f.Type.Elem()
		case f.Type.Kind() == reflect.Slice && in == "query" && f.Type.Elem().Kind() != reflect.Uint8:
			bound.list, bound.t = true, f.Type.Elem()
		}
		bound.codec, ok = codecOf(bound.t)
	}
	if !ok {
		p.refuse("field %s of %s has type %s, which cannot be bound to a %s", f.Name, owner, f.Type, in)
	}
	b.query = b.query || in == "query"
	b.fields = append(b.fields, bound)
}

func (b *binding) variable(name string) *field {
	for i := range b.fields {
		if b.fields[i].in == "path" && b.fields[i].name == name {
			return &b.fields[i]
		}
	}
	return nil
}

// clearBound clears what the body has set in bound fields.
func (b *binding) clearBound(v reflect.Value) {
	for i := range b.fields {
		v.FieldByIndex(b.fields[i].index).SetZero()
	}
}

// bind sets the bound fields of v, a struct, from r, and adds what is wrong with them to
// all.
func (b *binding) bind(v reflect.Value, r *http.Request, all *validation.Faults) {
	if b.overlapping {
		b.clearBound(v)
	}
	var query url.Values
	if b.query && r.URL.RawQuery != "" {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			all.Add(fault.Violation{In: "query", Detail: "it is malformed: " + truncate(err.Error(), maxQuotedError)})
		}
	}
	for i := range b.fields {
		f := &b.fields[i]
		detail := ""
		switch f.in {
		case "query":
			detail = f.setAll(v, query[f.name])
		case "header":
			detail = f.setAll(v, r.Header[f.name])
		default:
			detail = f.set(v, r.PathValue(f.name))
		}
		if detail != "" {
			all.Add(fault.Violation{Parameter: f.name, In: f.in, Detail: detail})
		}
	}
}

// setAll sets the field to all values of its parameter. It returns what is wrong with
// them, "" if nothing is.
func (f *field) setAll(v reflect.Value, values []string) (detail string) {
	if len(values) > 1 && !f.list { // a proxy on the way may pick another of the values
		return "it is given " + strconv.Itoa(len(values)) + " times"
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
			return truncate(messageOf(err), maxQuotedError)
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
