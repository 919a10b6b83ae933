// Package headertext decides which texts may travel in a header from service to service:
// ids, names and keys; and writes several headers at once.
package headertext

// MaxLen is the maximum length of such a text, in bytes.
const MaxLen = 128

// OrEmpty returns text if it may travel: printable ASCII, at most MaxLen bytes. Otherwise
// it returns "".
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
