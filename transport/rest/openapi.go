package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/internal/headertext"
)

// OpenAPI describes the routes among the handlers as an OpenAPI 3.1 document,
// ready for encoding/json. Handlers that are no routes are passed over, and of
// two with one pattern the first counts, whatever the names of their variables.
//
// A type that writes itself is described by what it makes of its zero value and of
// another one, and one with a method Enum() []string, of a text, by the values that
// this lists. What is
// answered has its members required, but for those that may be left out; what is taken
// requires none, since a member that is not there is the zero value.
func OpenAPI(title, version string, handlers ...http.Handler) map[string]any {
	d := document{
		schemas: map[string]any{}, names: map[use]string{}, open: map[use]bool{},
		paths: map[string]*pathItem{}, ids: map[string]bool{},
	}
	var described []operation
	for _, c := range contractsOf(handlers) {
		if op, first := d.place(c); first {
			described = append(described, op)
		}
	}
	for _, op := range described { // before what is taken, which gives way in names
		op.at["responses"] = d.responses(op.contract)
	}
	d.taken = true
	for _, op := range described {
		d.request(op)
	}
	d.taken = false
	d.problem()
	paths := map[string]any{}
	for _, p := range d.paths {
		paths[p.template] = p.methods
	}
	return map[string]any{
		"openapi":    "3.1.0",
		"info":       map[string]any{"title": title, "version": cmp.Or(version, "0.0.0")},
		"paths":      paths,
		"components": map[string]any{"schemas": d.schemas},
	}
}

// contractsOf are the routes among the handlers, by path and method, so that names
// do not depend on who came first. A variable is before a literal: it keeps the name.
func contractsOf(handlers []http.Handler) (all []*contract) {
	for _, h := range handlers {
		if c := contractOf(h); c != nil {
			all = append(all, c)
		}
	}
	key := func(c *contract) string { return strings.ReplaceAll(c.path, "{", "\x00") + " " + c.method }
	slices.SortStableFunc(all, func(a, b *contract) int { return strings.Compare(key(a), key(b)) })
	return all
}

func contractOf(h http.Handler) *contract {
	switch h := h.(type) {
	case *handler:
		return h.contract
	case *forwarding:
		return h.contract
	}
	return nil
}

// pathItem is what is served at one path.
type pathItem struct {
	template  string
	variables []string
	methods   map[string]any
}

// operation is one method of a path.
type operation struct {
	*contract
	path *pathItem
	at   map[string]any
}

// place makes room for a route; first is false where another one has it. Paths that
// differ in the names of variables alone are one to OpenAPI: the first names them.
func (d *document) place(c *contract) (op operation, first bool) {
	var key, template strings.Builder
	var variables []string
	for _, s := range c.segments {
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
	op = operation{c, path, map[string]any{"operationId": d.operationID(c.text)}}
	path.methods[method] = op.at
	if c.summary != "" {
		op.at["summary"] = c.summary
	}
	if len(c.tags) > 0 {
		op.at["tags"] = c.tags
	}
	return op, true
}

// request describes what an operation takes.
func (d *document) request(op operation) {
	var parameters []any
	for _, f := range op.contract.request.fields {
		name, schema := f.name, f.codec.schemaOf(f.t)
		if f.list {
			schema = map[string]any{"type": "array", "items": schema}
		}
		if f.in == "path" {
			name = op.path.variables[slices.Index(op.variables(), f.name)]
		}
		parameters = append(parameters, map[string]any{"name": name, "in": f.in, "required": f.in == "path", "schema": schema})
	}
	if op.keyed {
		parameters = append(parameters, map[string]any{
			"name": headerKey, "in": "header", "required": false,
			"schema":      map[string]any{"type": "string", "maxLength": headertext.MaxLen, "pattern": "^[!-~]([ -~]*[!-~])?$"},
			"description": "The same key and body are answered with the first answer, and act once.",
		})
	}
	if parameters != nil {
		op.at["parameters"] = parameters
	}
	if op.contract.request.body {
		op.at["requestBody"] = map[string]any{"required": true, "content": content(jsonType, d.body(&op.contract.request))}
	}
}

// responses describes what an operation answers.
func (d *document) responses(c *contract) map[string]any {
	success := map[string]any{"description": cmp.Or(http.StatusText(c.status), "Success")}
	if c.answers != nil {
		success["content"] = content(jsonType, d.schema(c.answers))
	}
	failure := map[string]any{"description": "The request failed."}
	if c.method != http.MethodHead {
		failure["content"] = content("application/problem+json", reference("Problem"))
	}
	return map[string]any{strconv.Itoa(c.status): success, "default": failure}
}

// variables are the names of a path's variables, in order.
func (p pattern) variables() (names []string) {
	for _, s := range p.segments {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// body is the schema of a request's body: its fields that travel nowhere else.
func (d *document) body(b *binding) any {
	if len(b.fields) == 0 || decodesItself(b.t) {
		return d.schema(b.t)
	}
	return d.object(b.t, b.fields)
}

func content(kind string, schema any) map[string]any {
	return map[string]any{kind: map[string]any{"schema": schema}}
}

func reference(name string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

// operationID is "getOrdersById" for "GET /orders/{id}", and has a number after it
// where another operation has that already.
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

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
