package rest

import (
	"net/http"
	"time"
)

// timeLimits are the time limits of a route. Zero means the server's limit, negative none.
type timeLimits struct{ read, write time.Duration }

// set applies the limits to a request that has reached its route. A writer without a
// connection has no limits.
func (l timeLimits) set(w http.ResponseWriter, r *http.Request) {
	if l == (timeLimits{}) {
		return
	}
	c := http.NewResponseController(w)
	if l.read != 0 && r.ContentLength != 0 { // without a body net/http already reads, to notice a disconnect
		_ = c.SetReadDeadline(deadlineIn(l.read))
	}
	if l.write != 0 {
		_ = c.SetWriteDeadline(deadlineIn(l.write))
	}
}

// lift removes the server's limits from a request whose body or answer is streamed, where
// the route has none of its own.
func (l timeLimits) lift(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	if l.read == 0 {
		_ = c.SetReadDeadline(time.Time{})
	}
	if l.write == 0 {
		_ = c.SetWriteDeadline(time.Time{})
	}
}

// deadlineIn returns the time after d, or none if d is negative.
func deadlineIn(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
