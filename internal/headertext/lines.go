package headertext

import "net/http"

// Lines are the values of several headers of one line each, in one allocation. Its capacity
// must suffice for all of them.
type Lines []string

// Set sets a header.
func (l *Lines) Set(h http.Header, name, value string) {
	n := len(*l)
	*l = append(*l, value)
	h[name] = (*l)[n : n+1 : n+1] // so that appending to one does not overwrite the next
}
