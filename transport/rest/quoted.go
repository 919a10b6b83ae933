package rest

import "strings"

// What an answer or a log quotes of somebody else's text, in bytes.
const (
	// maxQuotedValue limits a caller's value.
	maxQuotedValue = 64
	// maxQuotedError limits an error of a type's own decoder.
	maxQuotedError = 512
)

// shorten limits how much of a caller's value an answer quotes.
func shorten(text string) string {
	return truncate(text, maxQuotedValue)
}

// truncate returns at most limit bytes of text, and an ellipsis if there was more.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
