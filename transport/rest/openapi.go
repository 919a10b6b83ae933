package rest

import (
	"cmp"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/internal/plain"
)

// OpenAPI describes the routes among the handlers as an OpenAPI 3.1 document,
// ready for encoding/json. Handlers that are no routes are passed over, and of
// two with one pattern the first counts.
func OpenAPI(title, version string, handlers ...http.Handler) map[string]any {
	d := document{schemas: map[string]any{}, names: map[reflect.Type]string{}, open: map[reflect.Type]bool{}}
	paths := map[string]any{}
	for _, h := range handlers {
		c := contractOf(h)
		if c == nil {
			continue
		}
		path, _ := paths[c.templated()].(map[string]any)
		if path == nil {
			path = map[string]any{}
			paths[c.templated()] = path
		}
		if method := strings.ToLower(c.method); path[method] == nil {
			path[method] = d.operation(c)
		}
	}
	d.problem()
	return map[string]any{
		"openapi":    "3.1.0",
		"info":       map[string]any{"title": title, "version": cmp.Or(version, "0.0.0")},
		"paths":      paths,
		"components": map[string]any{"schemas": d.schemas},
	}
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

// templated is the path as OpenAPI writes it.
func (p pattern) templated() string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		if s.name != "" {
			b.WriteString("{" + s.name + "}")
		} else {
			b.WriteString(s.literal)
		}
	}
	return b.String()
}

func (d *document) operation(c *contract) map[string]any {
	op := map[string]any{"operationId": operationID(c.text)}
	if c.summary != "" {
		op["summary"] = c.summary
	}
	if len(c.tags) > 0 {
		op["tags"] = c.tags
	}
	var parameters []any
	for _, f := range c.request.fields {
		schema := d.schema(f.t)
		if f.list {
			schema = map[string]any{"type": "array", "items": schema}
		}
		parameters = append(parameters, map[string]any{"name": f.name, "in": f.in, "required": f.in == "path", "schema": schema})
	}
	if c.keyed {
		parameters = append(parameters, map[string]any{
			"name": headerKey, "in": "header", "required": false, "schema": map[string]any{"type": "string", "maxLength": plain.MaxText},
			"description": "The same key and body are answered with the first answer, and act once.",
		})
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if c.request.body {
		op["requestBody"] = map[string]any{"required": true, "content": content(jsonType, d.body(&c.request))}
	}
	success := map[string]any{"description": http.StatusText(c.status)}
	if c.answers != nil {
		success["content"] = content(jsonType, d.schema(c.answers))
	}
	op["responses"] = map[string]any{
		strconv.Itoa(c.status): success,
		"default": map[string]any{
			"description": "The request failed.",
			"content":     content("application/problem+json", reference("Problem")),
		},
	}
	return op
}

// body is the schema of a request's body: its fields that travel nowhere else.
func (d *document) body(b *binding) any {
	if len(b.fields) == 0 {
		return d.schema(b.t)
	}
	return d.object(b.t)
}

func content(kind string, schema any) map[string]any {
	return map[string]any{kind: map[string]any{"schema": schema}}
}

func reference(name string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

// operationID is "getOrdersById" for "GET /orders/{id}".
func operationID(pattern string) string {
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
	return id
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
