package rest

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/jsonfields"
	"github.com/sinew-go/sinew/internal/validation"
)

// binding says where the fields of a request type travel, or those of an answer type.
type binding struct {
	t           reflect.Type // the struct, nil for None
	tags        []string     // where a field may travel outside the body
	pointer     bool         // values are pointers to t
	fields      []field
	query       bool       // some field travels in the query
	mayHaveBody bool       // of this method and direction
	body        bool       // some field travels in the body
	overlapping bool       // the body may set a bound field, too
	shape       *shape     // of a request's body
	plain       *plainPlan // of a request's body
	whole       *wholeBody // a field that is the whole body; nil if the body is JSON
}

// Where a field may travel outside the body. An answer of a type that is also a request
// has the other fields in its body.
var (
	requestTags = []string{"path", "query", "header", "cookie"}
	answerTags  = []string{"header", "cookie"}
)

// bindingOf returns the binding of a request type.
func bindingOf(p pattern, t reflect.Type) binding {
	b := binding{tags: requestTags, mayHaveBody: p.hasBody()}
	if t != reflect.TypeFor[endpoint.None]() {
		b.t = t
		if t.Kind() == reflect.Pointer {
			b.t, b.pointer = t.Elem(), true
		}
		if b.t.Kind() != reflect.Struct {
			p.refuse("a request of type %s cannot be bound; use a struct, a pointer to one, or endpoint.None", t)
		}
		b.collect(p, b.t, nil)
		b.checkWhole(p)
		if b.body {
			b.shape = shapeOf(b.t, map[reflect.Type]*shape{})
			b.plain = plainPlanOf(b.t, b.shape)
		}
	}
	for _, s := range p.segments {
		if s.name != "" && b.variable(s.name) == nil {
			p.refuse("path variable {%s} has no field tagged `path:%q` in %s", s.name, s.name, t)
		}
	}
	return b
}

// answerBindingOf returns the binding of an answer type, which has fields only if it is a
// struct or a pointer to one.
func answerBindingOf(p pattern, t reflect.Type) binding {
	b := binding{tags: answerTags, mayHaveBody: true, body: true}
	if s := deref(t); s.Kind() == reflect.Struct {
		b.t, b.pointer, b.body = s, s != t, encodesItself(reflect.PointerTo(s))
		b.collect(p, s, nil)
		b.checkWhole(p)
		b.body = b.whole == nil && (b.body || b.overlapping || len(b.fields) == 0)
	}
	return b
}

// collect adds the fields of t, including those of embedded structs.
func (b *binding) collect(p pattern, t reflect.Type, index []int) {
	message := isMessage(t)
	if b.mayHaveBody && index == nil && (message || reflect.PointerTo(t).Implements(unmarshalerType)) {
		b.body = true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		if tag, ok := f.Tag.Lookup("body"); ok {
			b.addWhole(p, t, f, tag, at)
			continue
		}
		_, inBody := jsonfields.TagOf(f)
		in, name := locationOf(p, f, b.tags)
		if in == "" && message {
			in, name = b.messageLocation(p, f)
		}
		if in != "" {
			b.add(p, t, f, in, name, at)
			b.overlapping = b.overlapping || inBody && b.mayHaveBody
			continue
		}
		switch {
		case jsonfields.Inlined(f) && f.Type.Kind() == reflect.Struct:
			b.collect(p, f.Type, at)
		case f.Anonymous && hasBoundField(f.Type, append([]string{"body"}, b.tags...)):
			p.refuse("%s is embedded in %s as a pointer or with a json tag, and its fields tagged %s would not be bound: "+
				"embed the struct as it is", f.Name, t, wordsOf(b.tags))
		case !f.IsExported() || !inBody:
		case b.mayHaveBody:
			b.body = true
		default:
			p.refuse("%s has no body: tag field %s of %s with %s, or with `json:\"-\"`",
				p.method, f.Name, t, wordsOf(b.tags))
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
	}
	p.checkName(owner, f, bound.in, bound.name)
	for _, other := range b.fields {
		if other.in == in && other.name == bound.name {
			p.refuse("two fields of %s are tagged `%s:%q`", b.t, in, name)
		}
	}
	var ok bool
	if bound.codec, ok = b.codecOf(&bound); !ok {
		switch {
		case f.Type.Kind() == reflect.Pointer && in != "path":
			bound.optional, bound.t = true, f.Type.Elem()
		case f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() == reflect.Uint8:
		case in == "query", in == "header":
			bound.list, bound.t = true, f.Type.Elem()
		}
		bound.codec, ok = b.codecOf(&bound)
	}
	if !ok && in == "cookie" && b.isAnswer() {
		p.refuse("field %s of %s has type %s, and a cookie that is set needs attributes: make it a *http.Cookie",
			f.Name, owner, f.Type)
	}
	if !ok {
		p.refuse("field %s of %s has type %s, which cannot be bound to a %s", f.Name, owner, f.Type, in)
	}
	if text, ok := f.Tag.Lookup("default"); ok && !b.isAnswer() {
		b.setDefault(p, owner, f, &bound, text)
	}
	b.query = b.query || in == "query"
	b.fields = append(b.fields, bound)
}

// setDefault sets what bound is if its parameter is absent. It panics if that is no value of
// the field.
func (b *binding) setDefault(
	p pattern, owner reflect.Type, f reflect.StructField, bound *field, text string,
) {
	if bound.in == "path" || bound.list || bound.t == cookieType {
		p.refuse("field %s of %s has a default, which only a single value in a query, a header or a cookie can have",
			f.Name, owner)
	}
	sample := reflect.New(b.t).Elem()
	if detail := bound.set(sample, text); detail != "" {
		p.refuse("field %s of %s has the default %q: %s", f.Name, owner, text, detail)
	}
	bound.absent, bound.defaultValue = &text, literal(sample.FieldByIndex(bound.index), text)
}

// codecOf returns the codec of a field in this direction.
func (b *binding) codecOf(f *field) (codec, bool) {
	isAnswer := b.isAnswer()
	switch {
	case f.isHTTPDate():
		return httpDateCodec(), true
	case f.in == "cookie" && isAnswer:
		return setCookieCodec(f.name), f.t == cookieType
	case f.in == "cookie" && f.t == cookieType:
		return cookieCodec(f.name), true
	}
	c, ok := codecOf(f.t)
	if !isAnswer { // a caller gets what the callee answers, also if it has more values by then
		c = c.listed(f.t)
	}
	return c, ok
}

// checkName refuses a name that a header or a cookie cannot have.
func (p pattern) checkName(owner reflect.Type, f reflect.StructField, in, name string) {
	switch {
	case in != "header" && in != "cookie":
	case !isHeaderName(name):
		p.refuse("field %s of %s is tagged `%s:%q`, which is no name of a %[3]s", f.Name, owner, in, name)
	case in == "header" && name != contentTypeName && slices.Contains(reservedHeaders, name):
		p.refuse("field %s of %s is tagged `header:%q`, which HTTP itself sets", f.Name, owner, name)
	case in == "header" && (name == "Cookie" || name == "Set-Cookie"):
		p.refuse("field %s of %s is tagged `header:%q`: tag it `cookie` with the name of the cookie", f.Name, owner, name)
	}
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
			all.Add(fault.Violation{In: "query", Detail: "it is malformed: " + ellipsis.Cut(err.Error(), maxQuotedError)})
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
		case "cookie":
			detail = f.setAll(v, cookieValues(r, f.name))
		default:
			detail = f.set(v, r.PathValue(f.name))
		}
		if detail != "" {
			all.Add(fault.Violation{Parameter: f.name, In: f.in, Detail: detail})
		}
	}
}
