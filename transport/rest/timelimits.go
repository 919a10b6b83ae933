package rest

import (
	"net/http"
	"time"
)

// timeLimits are those of a route, in place of the server's: zero is the server's,
// negative none.
type timeLimits struct{ read, write time.Duration }

// begin sets them for a request that has reached its route. A writer that has no
// connection beneath it has no limits either.
func (l timeLimits) begin(w http.ResponseWriter, r *http.Request) {
	if l == (timeLimits{}) {
		return
	}
	c := http.NewResponseController(w)
	if l.read != 0 && r.ContentLength != 0 { // without a body the server reads already, to learn whether the caller leaves
		_ = c.SetReadDeadline(until(l.read))
	}
	if l.write != 0 {
		_ = c.SetWriteDeadline(until(l.write))
	}
}

func until(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
