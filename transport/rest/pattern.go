package rest

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sinew-go/sinew/internal/absent"
)

// pattern is a method and a path in the syntax of http.ServeMux.
type pattern struct {
	text     string
	method   string
	path     string
	segments []segment
}

// segment is the part of a path between two slashes: a variable, or literal text in its
// escaped form.
type segment struct {
	literal string
	name    string
	multi   bool // matches the whole rest of the path, including slashes
}

// parsePattern panics on what the mux would refuse, and on a pattern from which a caller
// could not build a URL.
func parsePattern(text string) pattern {
	p := pattern{text: text}
	method, path, found := strings.Cut(text, " ")
	path = strings.TrimLeft(path, " \t")
	if !found || !strings.HasPrefix(path, "/") {
		p.refuse(`a method and a path are needed, such as "GET /orders/{id}"`)
	}
	http.NewServeMux().Handle(text, http.NotFoundHandler()) // panics on a syntax error
	p.method, p.path = method, path
	for part := range strings.SplitSeq(path[1:], "/") {
		p.segments = append(p.segments, parseSegment(part))
	}
	return p
}

func parseSegment(part string) segment {
	name, variable := strings.CutPrefix(part, "{")
	if !variable {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		return segment{literal: escapeSegment(part)}
	}
	name = strings.TrimSuffix(name, "}")
	if name == "$" { // {$}: the path ends in a slash
		return segment{}
	}
	name, multi := strings.CutSuffix(name, "...")
	return segment{name: name, multi: multi}
}

// servedBy adds the prefix of mux, if it has one, to the pattern that the route is served
// by.
func (c *contract) servedBy(mux Mux) {
	if absent.Is(mux) {
		c.refuse("the mux that shall serve it is nil")
	}
	if m, ok := mux.(interface{ Prefix() string }); ok {
		c.served = parsePattern(c.method + " " + m.Prefix() + c.path)
	}
}

// withoutPrefix returns an escaped path that the route is served at without the prefix of
// its mux.
func (c *contract) withoutPrefix(path string) string {
	for range len(c.served.segments) - len(c.segments) {
		_, after, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		path = "/" + after
	}
	return path
}

// isIdempotent reports whether HTTP defines the method as idempotent.
func (p pattern) isIdempotent() bool {
	switch p.method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// hasBody reports whether requests of the method may have a body.
func (p pattern) hasBody() bool {
	switch p.method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// escapeSegment returns value as one segment of a path. It escapes "." and "..", too,
// which would be removed when the path is cleaned on the way.
func escapeSegment(value string) string {
	switch value {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(value)
}

// escapeRest returns value for a variable that matches the whole rest. It escapes a slash
// next to an empty segment, which would be removed when the path is cleaned on the way.
func escapeRest(value string) string {
	parts := strings.Split(value, "/")
	var b strings.Builder
	for i, part := range parts {
		switch {
		case i == 0:
		case part == "" || parts[i-1] == "":
			b.WriteString("%2F")
		default:
			b.WriteByte('/')
		}
		b.WriteString(escapeSegment(part))
	}
	return b.String()
}
