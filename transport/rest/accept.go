package rest

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/internal/wire"
)

// prefersLines reports whether a caller prefers a stream in lines of JSON to one of
// server-sent events.
func prefersLines(h http.Header) bool {
	lines, events := 0.0, 0.0
	for one := range strings.SplitSeq(strings.Join(h["Accept"], ","), ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(one))
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			q = 1
		}
		switch {
		case slices.Contains(mediaOfLines, kind):
			lines = max(lines, q)
		case kind == wire.EventStream, kind == "text/*", kind == "*/*":
			events = max(events, q)
		}
	}
	return lines > events
}
