package tracing

import (
	"encoding/hex"
	"strings"
)

// maxB3Length is the length of the single header with all of its parts.
const maxB3Length = 68

// writeB3 writes the single header of https://github.com/openzipkin/b3-propagation.
func writeB3(s *SpanContext, c Carrier) {
	c.Set("B3", string(appendB3(make([]byte, 0, maxB3Length), s)))
}

func appendB3(text []byte, s *SpanContext) []byte {
	text = hex.AppendEncode(text, s.TraceID[:])
	text = hex.AppendEncode(append(text, '-'), s.SpanID[:])
	if s.Undecided { // the format allows a parent only after a decision
		return text
	}
	text = append(append(text, '-'), b3State(s)...)
	if s.ParentID != (SpanID{}) {
		text = hex.AppendEncode(append(text, '-'), s.ParentID[:])
	}
	return text
}

func readB3(c Carrier) (s SpanContext, ok bool) {
	text := strings.TrimSpace(c.Get("B3"))
	if len(text) == 1 {
		return decisionOnly(text)
	}
	parts := strings.Split(text, "-")
	if len(parts) < 2 || len(parts) > 4 || !b3IDs(&s, parts[0], parts[1]) {
		return s, false
	}
	s.Undecided = len(parts) == 2
	if len(parts) > 2 && !b3Decision(&s, parts[2]) {
		return s, false
	}
	if len(parts) > 3 && !unhex(s.ParentID[:], parts[3], false) {
		return s, false
	}
	return s, true
}

// writeB3Multi writes one header per field.
func writeB3Multi(s *SpanContext, c Carrier) {
	c.Set("X-B3-Traceid", s.TraceID.String())
	c.Set("X-B3-Spanid", s.SpanID.String())
	if !s.Undecided {
		c.Set("X-B3-Sampled", b3State(s))
	}
	if s.ParentID != (SpanID{}) {
		c.Set("X-B3-Parentspanid", s.ParentID.String())
	}
}

func readB3Multi(c Carrier) (s SpanContext, ok bool) {
	trace, span := strings.TrimSpace(c.Get("X-B3-Traceid")), strings.TrimSpace(c.Get("X-B3-Spanid"))
	state := b3SampledValues[strings.ToLower(c.Get("X-B3-Sampled"))]
	switch {
	case c.Get("X-B3-Flags") == "1":
		state = "d"
	case state == "" && c.Get("X-B3-Sampled") != "":
		return s, false
	}
	if trace == "" && span == "" {
		return decisionOnly(state)
	}
	if !b3IDs(&s, trace, span) {
		return s, false
	}
	if parent := c.Get("X-B3-Parentspanid"); parent != "" && !unhex(s.ParentID[:], parent, false) {
		return s, false
	}
	if state == "" {
		s.Undecided = true
		return s, true
	}
	return s, b3Decision(&s, state)
}

// b3SampledValues are the values of X-B3-Sampled, including those of old libraries.
var b3SampledValues = map[string]string{"0": "0", "false": "0", "1": "1", "true": "1"}

// b3IDs parses the ids. A trace id of 64 bits is the low half of one of 128.
func b3IDs(s *SpanContext, trace, span string) bool {
	if len(trace) == 16 {
		trace = strings.Repeat("0", 16) + trace
	}
	return unhex(s.TraceID[:], trace, false) && unhex(s.SpanID[:], span, false) && s.IsValid()
}

// mayBeB3IDs reports, cheaply, whether the single header may be ids without a decision: 16
// or 32 digits, a dash and 16 more.
func mayBeB3IDs(text string) bool { return len(text) == 33 || len(text) == 49 }

// decisionOnly parses a decision that arrived without ids: the trace starts here. If it is
// not sampled, it gets its ids here, since nothing reports them; if it is, the tracer
// makes the first span.
func decisionOnly(state string) (s SpanContext, ok bool) {
	if ok = b3Decision(&s, state); ok && !s.Sampled {
		s = s.Child(false)
	}
	return s, ok
}

// b3Decision parses a sampling state, and reports whether it is one. "d", for debugging,
// is a decision to sample.
func b3Decision(s *SpanContext, state string) bool {
	s.Sampled = state == "1" || state == "d"
	return s.Sampled || state == "0"
}

// b3State returns a decision in the form that b3Decision parses.
func b3State(s *SpanContext) string {
	if s.Sampled {
		return "1"
	}
	return "0"
}
