package rest

import (
	"net/http"
	"net/url"
	"strings"
)

// pattern is a method and a path in the syntax of http.ServeMux.
type pattern struct {
	text     string
	method   string
	path     string
	segments []segment
}

// segment is one part of a path between slashes: a variable, or literal text
// escaped as it goes into a URL.
type segment struct {
	literal string
	name    string
	multi   bool // takes all the rest, slashes included
}

// parsePattern panics on what the mux would refuse, and on what a caller could
// not build a URL from.
func parsePattern(text string) pattern {
	p := pattern{text: text}
	method, path, found := strings.Cut(text, " ")
	path = strings.TrimLeft(path, " \t")
	if !found || !strings.HasPrefix(path, "/") {
		p.refuse(`a method and a path are needed, such as "GET /orders/{id}"`)
	}
	http.NewServeMux().Handle(text, http.NotFoundHandler()) // knows the whole syntax, and panics
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
	if name == "$" { // the end of a path that ends in a slash
		return segment{}
	}
	name, multi := strings.CutSuffix(name, "...")
	return segment{name: name, multi: multi}
}

// idempotent says that HTTP itself lets the method be repeated.
func (p pattern) idempotent() bool {
	switch p.method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// takesBody says that requests of the method may have a body.
func (p pattern) takesBody() bool {
	switch p.method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// escapeSegment is a value as one segment of a path. Dots alone are escaped
// too, or the path would be cleaned of them on its way.
func escapeSegment(value string) string {
	switch value {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(value)
}

// escapeRest is a value for a variable that takes all the rest. A slash beside
// an empty segment is escaped, or it would be cleaned away.
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
