// Package headertext tells which texts may travel in a header from service to service:
// ids, names and keys.
package headertext

// MaxLen is how long such a text may be, in bytes.
const MaxLen = 128

// OrEmpty is text if it may travel: it is of printable ASCII, and of MaxLen bytes at
// most. Else it is "".
func OrEmpty(text string) string {
	if len(text) > MaxLen {
		return ""
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return ""
		}
	}
	return text
}
