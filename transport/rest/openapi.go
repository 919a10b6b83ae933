package rest

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/jsonschema"
	"github.com/sinew-go/sinew/internal/wire"
)

// Enumerator is a string type that lists its values, for the OpenAPI document and for
// package apitest. A parameter
// of such a type with another value is refused, unless the type has an UnmarshalText, which
// then decides; a body has only that check.
type Enumerator interface{ Enum() []string }

// SchemaDescriber is a type that encodes itself, and says in JSON Schema what it writes and
// reads, for the OpenAPI document and for package apitest.
type SchemaDescriber interface{ JSONSchema() map[string]any }

// OpenAPI describes the routes among the handlers as an OpenAPI 3.1 document, ready for
// encoding/json. The handlers are those that routes pass to [Mux].Handle, or handlers
// around one of those, with a method Unwrap() http.Handler that returns it; others are
// ignored. Of several routes with one pattern the first counts, even if the names of
// their variables differ.
//
// A type that encodes itself is described by what it makes of its zero value and of a
// non-zero one, unless it is a [SchemaDescriber]. An [Enumerator] is described by the values
// that it lists. In an answer all members are required, except those that may be left out.
// In a request none is required, and each may be null, since a missing member is the zero
// value: the tag schema:"required" says that Validate refuses that.
//
// What a [Security] protects, the document has as security schemes and requirements, with
// the answers 401 and 403. Where it has them, an operation with an empty list is open to
// everybody.
func OpenAPI(title, version string, handlers ...http.Handler) map[string]any {
	d := document{jsonschema.NewCollection(problemSchema), map[string]*pathItem{}, map[string]bool{}}
	var ops []operation
	for _, c := range contractsOf(handlers) {
		if op, first := d.addOperation(c); first {
			ops = append(ops, op)
		}
	}
	for _, op := range ops { // first, so that responses get the shorter names
		op.object["responses"] = d.responses(op.contract)
	}
	d.Input, d.Exact = true, true
	for _, op := range ops {
		d.request(op)
	}
	d.Input = false
	d.addProblemSchema()
	paths := map[string]any{}
	for _, p := range d.paths {
		paths[p.template] = p.methods
	}
	all := map[string]any{
		"openapi":    "3.1.0",
		"info":       map[string]any{"title": title, "version": cmp.Or(version, "0.0.0")},
		"paths":      paths,
		"components": map[string]any{"schemas": d.ByName},
	}
	d.addSecurity(all, ops)
	return all
}

// contractsOf returns the contracts of the routes among the handlers, sorted by path and
// method, so that names do not depend on the order of registration. A variable sorts
// before a literal, so that its route keeps the shorter name.
func contractsOf(handlers []http.Handler) (all []*contract) {
	for _, h := range handlers {
		if c := contractOf(h); c != nil {
			all = append(all, c)
		}
	}
	key := func(c *contract) string { return strings.ReplaceAll(c.served.path, "{", "\x00") + " " + c.method }
	slices.SortStableFunc(all, func(a, b *contract) int { return strings.Compare(key(a), key(b)) })
	return all
}

// contractOf returns the contract of a route's handler, or nil for other handlers.
func contractOf(h http.Handler) *contract {
	for {
		switch at := h.(type) {
		case *handler:
			return at.contract
		case *forwardHandler:
			return at.contract
		case interface{ Unwrap() http.Handler }:
			h = at.Unwrap()
		default:
			return nil
		}
	}
}

// document is an OpenAPI document in the making.
type document struct {
	*jsonschema.Collection
	paths map[string]*pathItem
	ids   map[string]bool // operation ids in use
}

// pathItem is everything that is served at one path.
type pathItem struct {
	template  string
	variables []string
	methods   map[string]any
}

// operation is one method of a path.
type operation struct {
	*contract
	path   *pathItem
	object map[string]any
}

// addOperation adds a route; first is false if another route has its place. Paths that
// differ only in the names of their variables are one path in OpenAPI, which uses the
// names of the first.
func (d *document) addOperation(c *contract) (op operation, first bool) {
	var key, template strings.Builder
	var variables []string
	for _, s := range c.served.segments {
		if s.name == "" {
			key.WriteString("/" + s.literal)
			template.WriteString("/" + s.literal)
			continue
		}
		key.WriteString("/{}")
		template.WriteString("/{" + s.name + "}")
		variables = append(variables, s.name)
	}
	path := d.paths[key.String()]
	if path == nil {
		path = &pathItem{template.String(), variables, map[string]any{}}
		d.paths[key.String()] = path
	}
	method := strings.ToLower(c.method)
	if path.methods[method] != nil {
		return op, false
	}
	op = operation{c, path, map[string]any{"operationId": d.operationID(c.served.text)}}
	path.methods[method] = op.object
	if c.summary != "" {
		op.object["summary"] = c.summary
	}
	if len(c.tags) > 0 {
		op.object["tags"] = c.tags
	}
	return op, true
}

// request describes the parameters and the body of an operation.
func (d *document) request(op operation) {
	var parameters []any
	variables := op.served.variables()
	for _, name := range op.path.variables[:len(variables)-len(op.variables())] { // the prefix's
		parameters = append(parameters, map[string]any{"name": name, "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, f := range op.contract.request.fields {
		if f.in == "header" && slices.Contains(ignoredHeaders, f.name) {
			continue
		}
		name := f.name
		if f.in == "path" {
			name = op.path.variables[slices.Index(variables, f.name)]
		}
		parameters = append(parameters, parameter(op.contract.request.t, &f, name))
	}
	if op.keyed {
		parameters = append(parameters, map[string]any{
			"name": wire.HeaderKey, "in": "header", "required": false,
			"schema":      map[string]any{"type": "string", "maxLength": headertext.MaxLen, "pattern": "^[!-~]([ -~]*[!-~])?$"},
			"description": "The same key and body are answered with the first answer, and act once.",
		})
	}
	if parameters != nil {
		op.object["parameters"] = parameters
	}
	if op.contract.request.body {
		op.object["requestBody"] = map[string]any{"required": true, "content": d.formsContent(op.requests, op.contract.request.t, func() any { return d.body(&op.contract.request) })}
	}
	if whole := op.contract.request.whole; whole != nil {
		said := map[string]any{}
		required := jsonschema.Annotate(said, op.contract.request.t.FieldByIndex(whole.index))
		op.object["requestBody"] = map[string]any{"required": required, "content": withKeywords(d.wholeContent(whole), whole, said)}
	}
}

// ignoredHeaders are no parameters in OpenAPI, which describes them elsewhere.
var ignoredHeaders = []string{"Accept", "Authorization", "Content-Type"}

// parameter describes a field of t that travels outside of the body.
func parameter(t reflect.Type, f *field, name string) map[string]any {
	s := f.schema()
	required := jsonschema.Annotate(s, t.FieldByIndex(f.index))
	p := map[string]any{"name": name, "in": f.in, "required": required || f.in == "path", "schema": s}
	if text, ok := s["description"]; ok { // readers look for it there
		p["description"] = text
		delete(s, "description")
	}
	return p
}

// variables returns the names of the path's variables, in order.
func (p pattern) variables() (names []string) {
	for _, s := range p.segments {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// body returns the schema of a request's body: of its fields that do not travel elsewhere.
func (d *document) body(b *binding) any {
	if elsewhere := b.elsewhere(); elsewhere != nil {
		return d.Object(b.t, elsewhere)
	}
	return d.Schema(b.t)
}

// elsewhere returns the fields that do not travel in the body, nil if the type decodes
// itself from the whole body.
func (b *binding) elsewhere() (all [][]int) {
	for _, f := range b.fields {
		if !decodesItself(b.t) {
			all = append(all, f.index)
		}
	}
	return all
}

func content(kind string, schema any) map[string]any {
	return map[string]any{kind: map[string]any{"schema": schema}}
}

// operationID returns "getOrdersById" for "GET /orders/{id}". It appends a number if
// another operation has that id.
func (d *document) operationID(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	id := strings.ToLower(method)
	for part := range strings.SplitSeq(path, "/") {
		name, variable := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(strings.TrimSuffix(name, "}"), "...")
		if variable && name != "$" {
			id += "By"
		}
		for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !isLetterOrDigit(r) }) {
			id += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	own := id
	for n := 2; d.ids[own]; n++ {
		own = id + strconv.Itoa(n)
	}
	d.ids[own] = true
	return own
}
