package rest

import "github.com/sinew-go/sinew/internal/ellipsis"

// What an answer or a log quotes of somebody else's text, in bytes.
const (
	// maxQuotedValue limits a caller's value.
	maxQuotedValue = 64
	// maxQuotedError limits an error of a type's own decoder.
	maxQuotedError = 512
)

// shorten limits how much of a caller's value an answer quotes.
func shorten(text string) string {
	return ellipsis.Cut(text, maxQuotedValue)
}
