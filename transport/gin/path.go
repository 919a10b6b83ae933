package gin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// escapedColon is how Gin writes a colon that begins no variable.
const escapedColon = `\:`

// allMethods are the methods that a pattern without one is served for.
var allMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

// methodsOf returns the methods for which http.ServeMux serves a pattern with this method.
func methodsOf(method string) []string {
	switch method {
	case "":
		return allMethods
	case http.MethodGet:
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{method}
}

// ginPaths returns a path of http.ServeMux in the syntax of Gin: as an engine that routes
// by decoded paths needs it, and, if that differs, as one needs it that routes by escaped
// paths (UseEscapedPath).
func ginPaths(pattern, path string) []string {
	var decoded, escaped strings.Builder
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		text := variableOf(part)
		switch {
		case text != "":
			escaped.WriteString("/" + text)
		case part == "{$}":
			escaped.WriteString("/")
		case part == "" && i == len(parts)-1: // all below
			text = "*rest"
			escaped.WriteString("/*rest")
		default:
			text = literalOf(pattern, part)
			escaped.WriteString(strings.ReplaceAll((&url.URL{Path: "/" + text}).EscapedPath(), ":", escapedColon))
			text = strings.ReplaceAll(text, ":", escapedColon)
		}
		decoded.WriteString("/" + text)
	}
	if decoded.String() == escaped.String() {
		return []string{decoded.String()}
	}
	return []string{decoded.String(), escaped.String()}
}

// variableOf returns a segment of http.ServeMux that is a variable in the syntax of Gin, ""
// if it is none.
func variableOf(segment string) string {
	name, isVariable := strings.CutPrefix(segment, "{")
	name, isMulti := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
	switch {
	case !isVariable || name == "$":
		return ""
	case isMulti:
		return "*" + name
	}
	return ":" + name
}

// literalOf returns a literal segment in decoded form. It panics if Gin cannot express it.
func literalOf(pattern, segment string) string {
	text, err := url.PathUnescape(segment)
	if err != nil {
		text = segment // as http.ServeMux does
	}
	switch {
	case strings.ContainsAny(text, `*\`):
		refuse(pattern, fmt.Sprintf("Gin has no form for %q in a path, where * and \\ have a meaning", text))
	case strings.Contains(text, "/"), text == ".", text == "..":
		refuse(pattern, fmt.Sprintf("Gin has no form for the segment %q, since it cleans paths", text))
	}
	return text
}

// prefixOf returns the path of a group of routes in the syntax of http.ServeMux, without
// the slash at its end. It panics if that has no form for it.
func prefixOf(base string) string {
	var prefix strings.Builder
	for segment := range strings.SplitSeq(strings.Trim(base, "/"), "/") {
		name, isVariable := strings.CutPrefix(segment, ":")
		literal := strings.ReplaceAll(segment, escapedColon, "")
		switch {
		case segment == "":
		case isVariable:
			prefix.WriteString("/{" + name + "}")
		case strings.ContainsAny(literal, ":*{}"):
			panic(fmt.Sprintf("gin.On: http.ServeMux has no form for the segment %q in the path %s of the group: "+
				"a variable is a whole segment there, and braces are not literal", segment, base))
		default:
			prefix.WriteString("/" + strings.ReplaceAll(segment, escapedColon, ":"))
		}
	}
	return prefix.String()
}

// refuse panics with the reason why a pattern cannot be served.
func refuse(pattern, reason string) {
	panic(fmt.Sprintf("gin: route %q: %s", pattern, reason))
}
