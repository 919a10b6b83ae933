package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"

	"github.com/sinew-go/sinew/fault"
)

// headerProblem carries the problem document, without its errors and details, in an answer
// to HEAD, which has no body: otherwise the caller could not tell one conflict from another.
const headerProblem = "X-Problem"

// markHead returns a writer that knows that the request is a HEAD.
func markHead(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if r.Method != http.MethodHead || isHead(w) {
		return w
	}
	return headWriter{w}
}

// isHead reports whether w, or a writer that it wraps, answers a HEAD.
func isHead(w http.ResponseWriter) bool {
	for {
		switch at := w.(type) {
		case interface{ RequestMethod() string }:
			return at.RequestMethod() == http.MethodHead
		case interface{ Unwrap() http.ResponseWriter }:
			w = at.Unwrap()
		default:
			return false
		}
	}
}

// headWriter writes the answer to a HEAD.
type headWriter struct{ http.ResponseWriter }

// RequestMethod returns HEAD, for isHead.
func (headWriter) RequestMethod() string { return http.MethodHead }

// Flush implements http.Flusher, for handlers that assert it.
func (h headWriter) Flush() { _ = http.NewResponseController(h.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the wrapped writer.
func (h headWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// headerForm returns a problem document as a header value, "" if document is not one.
func headerForm(document []byte) string {
	var p fault.Problem
	if json.Unmarshal(document, &p) != nil {
		return ""
	}
	p.Detail, p.Reason, p.Service, p.Details = truncate(p.Detail, maxQuotedError), truncate(p.Reason, maxQuotedError), truncate(p.Service, maxQuotedError), nil
	p.Errors = nil
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, r := range string(text) {
		if r < 0x7f { // encoding/json has escaped control characters
			b.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, half)
		}
	}
	return b.String()
}
