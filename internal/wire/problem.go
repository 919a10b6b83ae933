package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// HeaderProblem carries the problem document, without its errors and details, where an
// answer has no body for it: in an answer to HEAD, and in one of gRPC. Otherwise the caller
// could not tell one conflict from another.
const HeaderProblem = "X-Problem"

// maxProblemText bounds each text of a document that is in a header, in bytes.
const maxProblemText = 512

// ProblemHeader returns the document as the value of [HeaderProblem].
func ProblemHeader(p fault.Problem) string {
	p.Detail, p.Reason, p.Service, p.Details = ellipsis.Cut(p.Detail, maxProblemText), ellipsis.Cut(p.Reason, maxProblemText), ellipsis.Cut(p.Service, maxProblemText), nil
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
