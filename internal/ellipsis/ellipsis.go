// Package ellipsis bounds texts of others before they are sent, logged or kept.
package ellipsis

import "strings"

// Cut returns at most limit bytes of text, and an ellipsis if there was more. It cuts no
// character in two.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
