// Package plain tells which texts may travel in a header from service to service:
// ids, names and keys.
package plain

// MaxText is how long such a text may be, in bytes.
const MaxText = 128

// Text is text if it may travel: it is of printable ASCII, and of MaxText bytes at
// most. Else it is "".
func Text(text string) string {
	if len(text) > MaxText {
		return ""
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return ""
		}
	}
	return text
}
