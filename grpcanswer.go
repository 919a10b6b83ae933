package sinew

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// grpcAnswer is an answer to a request of gRPC; gRPC-Web has the status in the body, so its
// callers get the HTTP status. What the service refuses before a handler
// of gRPC runs, it refuses with a problem document, which callers of gRPC do not read: for
// them it becomes a status of gRPC, with the document in a header.
type grpcAnswer struct {
	contentType string // of the request, and so of the answer
	translated  bool
}

// translate returns the HTTP status to answer with: that of gRPC, if the answer is a
// problem document, and else the same.
func (a *grpcAnswer) translate(h http.Header, status int, failure error) int {
	if failure == nil || h.Get("Content-Type") != fault.ProblemType {
		return status
	}
	p, code := fault.ProblemOf(failure), fault.CodeOf(failure)
	if p.Reason == fault.ReasonUnknownPath { // gRPC's word for a method that nobody serves
		code = fault.Unimplemented
		p.Code = code.String()
	}
	a.translated = true
	h.Set("Content-Type", a.contentType)
	h.Set("Grpc-Status", strconv.Itoa(int(code)))
	h.Set("Grpc-Message", percentEncoded(p.Detail))
	h.Set(wire.HeaderProblem, wire.ProblemHeader(p))
	return http.StatusOK
}

// percentEncoded returns text as the protocol of gRPC wants a message: what is not
// printable ASCII, and the percent sign, as % and two hexadecimal digits per byte.
func percentEncoded(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
