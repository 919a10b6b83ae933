package redact

import "fmt"

// Format writes bare, a value without methods and with nothing secret in it: as its
// fields, and with %#v in the syntax of Go. Other verbs are not heeded: with them fmt
// would show what is behind pointers.
func Format(f fmt.State, verb rune, bare any) {
	form := "%+v"
	if verb == 'v' {
		form = fmt.FormatString(f, verb)
	}
	_, _ = fmt.Fprintf(f, form, bare)
}
