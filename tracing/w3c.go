package tracing

import (
	"encoding/hex"
	"strings"
)

// maxStateBytes bounds a tracestate; a longer one is dropped as a whole, as the
// specification allows.
const maxStateBytes = 512

// isHeaderValue reports whether text may be the value of a header. A tracestate from an
// event may be any text, and would make every call fail.
func isHeaderValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') })
}

// traceparentLength is the length of a traceparent of version 00.
const traceparentLength = 55

// writeW3C writes Trace Context, https://www.w3.org/TR/trace-context/.
func writeW3C(s *SpanContext, c Carrier) {
	c.Set("Traceparent", string(appendTraceparent(make([]byte, 0, traceparentLength), s)))
	if s.State != "" {
		c.Set("Tracestate", s.State)
	}
}

func appendTraceparent(text []byte, s *SpanContext) []byte {
	text = hex.AppendEncode(append(text, "00-"...), s.TraceID[:])
	text = hex.AppendEncode(append(text, '-'), s.SpanID[:])
	if s.Sampled {
		return append(text, "-01"...)
	}
	return append(text, "-00"...)
}

func readW3C(c Carrier) (s SpanContext, ok bool) {
	text := strings.TrimSpace(headerValues(c, "Traceparent"))
	var version, flags [1]byte
	if len(text) < traceparentLength || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return s, false
	}
	ok = unhex(version[:], text[:2], true) &&
		unhex(s.TraceID[:], text[3:35], true) &&
		unhex(s.SpanID[:], text[36:52], true) &&
		unhex(flags[:], text[53:55], true)
	switch {
	case !ok, version[0] == 0xff:
		return s, false
	case len(text) > traceparentLength && (version[0] == 0 || text[traceparentLength] != '-'): // only later versions may have more fields
		return s, false
	}
	s.Sampled = flags[0]&1 != 0
	if state := headerValues(c, "Tracestate"); len(state) <= maxStateBytes && isHeaderValue(state) {
		s.State = state
	}
	return s, s.IsValid()
}
