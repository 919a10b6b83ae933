package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the gateway's OpenAPI document in a schema compiler. It is the same in
// every test.
type described struct {
	once     sync.Once
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	paths    map[string]any
	router   routers.Router
	err      error
}

var description described

func (d *described) read(client *http.Client, url string) {
	answer, err := client.Get(url + "/openapi.json")
	if err != nil {
		d.err = err
		return
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		d.err = err
		return
	}
	valid, err := openapi3.NewLoader().LoadFromData(text)
	if err == nil {
		d.router, err = legacy.NewRouter(valid) // which validates it
	}
	if err != nil {
		d.err = err
		return
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		d.err = err
		return
	}
	d.compiler = jsonschema.NewCompiler()
	d.compiler.AssertFormat()
	d.compiler.AssertContent()
	d.err = d.compiler.AddResource("openapi.json", document)
	d.paths, _ = document.(map[string]any)["paths"].(map[string]any)
}

// described returns the gateway's document; the first call reads it.
func (s *shop) described() *described {
	description.once.Do(func() { description.read(s.http, s.url()) })
	return &description
}

// checkDocument validates an answer against the gateway's document.
func (s *shop) checkDocument(method, path string, a answer) {
	s.Helper()
	d := s.described()
	if d.err != nil {
		s.Fatalf("openapi.json: %v", d.err)
	}
	if err := d.allows(method, s.url()+path, a); err != nil {
		s.Errorf("%s %.80s: %d %.400s\nis not what openapi.json says: %v", method, path, a.status, a.text, err)
	}
	at, known := d.answerOf(method, path, a.status)
	switch {
	case !known && a.status < 400: // a page that is no route
		return
	case !known:
		at = []string{"components", "schemas", "Problem"}
	}
	if err := d.validate(at, a); err != nil {
		s.Errorf("%s %.80s: %d %.400s\nis not what openapi.json says at %s: %v", method, path, a.status, a.text, strings.Join(at, " "), err)
	}
}

// allows returns an error unless the document has the status, the headers and the media type
// of an answer.
func (d *described) allows(method, url string, a answer) error {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err
	}
	route, variables, err := d.router.FindRoute(r)
	if err != nil { // a page that is no route, or a method that is none
		return nil
	}
	asked := &openapi3filter.RequestValidationInput{Request: r, PathParams: variables, Route: route}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: a.status, Header: a.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: true},
	})
	if described := route.Operation.Responses.Status(a.status); err == nil && described != nil && len(described.Value.Content) > 0 {
		if described.Value.Content.Get(a.header.Get("Content-Type")) == nil {
			err = fmt.Errorf("it has no %q for this status", a.header.Get("Content-Type"))
		}
	}
	return err
}

// answerOf locates the description of an answer; at is nil if it has no body.
func (d *described) answerOf(method, path string, status int) (at []string, known bool) {
	path, _, _ = strings.Cut(path, "?")
	template := d.template(path)
	operation, known := lookup(d.paths, template, strings.ToLower(method))
	if !known {
		return nil, false
	}
	code := strconv.Itoa(status)
	if _, listed := lookup(operation, "responses", code); !listed {
		code = "default"
	}
	kind := "application/json"
	if code == "default" {
		kind = "application/problem+json"
	}
	if _, has := lookup(operation, "responses", code, "content", kind); !has {
		return nil, true
	}
	return []string{"paths", template, strings.ToLower(method), "responses", code, "content", kind, "schema"}, true
}

// template is the documented path that matches path. Templates with fewer variables come
// first.
func (d *described) template(path string) string {
	var best string
	for template := range d.paths {
		if like(template, path) && (best == "" || strings.Count(template, "{") < strings.Count(best, "{")) {
			best = template
		}
	}
	return best
}

func like(template, path string) bool {
	parts, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(parts) != len(have) {
		return false
	}
	for i, part := range parts {
		if part != have[i] && !strings.HasPrefix(part, "{") {
			return false
		}
	}
	return true
}

func (d *described) validate(at []string, a answer) error {
	if at == nil {
		return nil
	}
	pointer := "openapi.json#"
	for _, part := range at {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	d.mu.Lock()
	schema, err := d.compiler.Compile(pointer)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func lookup(in any, path ...string) (any, bool) {
	for _, name := range path {
		m, _ := in.(map[string]any)
		if in = m[name]; in == nil {
			return nil, false
		}
	}
	return in, true
}

func TestAnAnswerThatIsNotAsDescribedIsFound(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		s.product("1", 5)
		d := &description
		at, known := d.answerOf("GET", "/products?q=x", 200)
		if !known || at == nil {
			t.Fatal("GET /products is not described")
		}
		for text, fits := range map[string]bool{`{"items":[]}`: true, `{"items":null}`: false, `{}`: false, `[]`: false, `{"items":[{"id":"p"}]}`: false} {
			if err := d.validate(at, answer{text: text}); (err == nil) != fits {
				t.Errorf("%s: %v", text, err)
			}
		}
		html := http.Header{"Content-Type": {"text/html"}}
		if err := d.allows("GET", s.url()+"/products?q=x", answer{status: 200, header: html}); err == nil {
			t.Error("a list of products in HTML is allowed, want an error")
		}
	})
}
