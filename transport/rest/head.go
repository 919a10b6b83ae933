package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"

	"github.com/sinew-go/sinew/fault"
)

// headerProblem has the document of a failure, without its details, in an answer to
// HEAD, which has no body: else nobody could tell one conflict from another.
const headerProblem = "X-Problem"

// asked is w, which knows that it was asked by HEAD.
func asked(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if r.Method != http.MethodHead || askedByHead(w) {
		return w
	}
	return headed{w}
}

// askedByHead says that w, or a writer beneath it, was asked by HEAD.
func askedByHead(w http.ResponseWriter) bool {
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

// headed writes the answer to a HEAD.
type headed struct{ http.ResponseWriter }

// RequestMethod is HEAD.
func (headed) RequestMethod() string { return http.MethodHead }

// Flush implements http.Flusher, for handlers that ask for that.
func (h headed) Flush() { _ = http.NewResponseController(h.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach what is beneath.
func (h headed) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// inHeader is a document as a header has it, "" if it is none.
func inHeader(document []byte) string {
	var p fault.Problem
	if json.Unmarshal(document, &p) != nil {
		return ""
	}
	p.Detail, p.Reason, p.Service, p.Details = cut(p.Detail, maxSaid), cut(p.Reason, maxSaid), cut(p.Service, maxSaid), nil
	text, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, r := range string(text) {
		if r < 0x7f { // encoding/json has escaped what is below a blank
			b.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, half)
		}
	}
	return b.String()
}
