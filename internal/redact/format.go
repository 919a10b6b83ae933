package redact

import "fmt"

// Format writes bare, which has no methods and contains no secret: its fields, or with
// %#v Go syntax. Every other verb is written as %+v, because fmt would print what is
// behind pointers.
func Format(f fmt.State, verb rune, bare any) {
	form := "%+v"
	if verb == 'v' {
		form = fmt.FormatString(f, verb)
	}
	_, _ = fmt.Fprintf(f, form, bare)
}
