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
	for _, r := range acceptedRanges(h["Accept"]) {
		switch {
		case slices.Contains(mediaOfLines, r.kind):
			lines = max(lines, r.q)
		case r.kind == wire.EventStream, r.kind == "text/*", r.kind == "*/*":
			events = max(events, r.q)
		}
	}
	return lines > events
}

// acceptedRange is a media range of Accept and its weight.
type acceptedRange struct {
	kind string
	q    float64
}

// acceptedRanges returns the media ranges of Accept that can be read.
func acceptedRanges(headers []string) (all []acceptedRange) {
	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(one))
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil || !(q >= 0 && q <= 1) {
			q = 1
		}
		all = append(all, acceptedRange{kind, q})
	}
	return all
}

// qualityOf returns the weight of a media type: that of the range that names it best.
func qualityOf(kind string, ranges []acceptedRange) (q float64) {
	main, _, _ := strings.Cut(kind, "/")
	named := 0
	for _, r := range ranges {
		by := 0
		switch r.kind {
		case kind:
			by = 3
		case main + "/*":
			by = 2
		case "*/*":
			by = 1
		}
		if by > named || by > 0 && by == named && r.q > q {
			named, q = by, r.q
		}
	}
	return q
}
