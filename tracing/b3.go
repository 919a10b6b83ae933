package tracing

import "strings"

// writeB3 writes the single header of https://github.com/openzipkin/b3-propagation.
func writeB3(s *SpanContext, c Carrier) {
	text := s.TraceID.String() + "-" + s.SpanID.String() + "-" + sampledDigit(s.Sampled)
	if s.ParentID != (SpanID{}) {
		text += "-" + s.ParentID.String()
	}
	c.Set("b3", text)
}

func readB3(c Carrier) (s SpanContext, ok bool) {
	text := strings.TrimSpace(c.Get("b3"))
	if text == "" {
		return s, false
	}
	if text == "0" { // the decision alone
		return SpanContext{}.Child(false), true
	}
	parts := strings.Split(text, "-")
	if len(parts) < 2 || len(parts) > 4 || !b3IDs(&s, parts[0], parts[1]) {
		return s, false
	}
	if len(parts) > 2 {
		if s.Sampled, ok = b3Sampled(parts[2]); !ok {
			return s, false
		}
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
	c.Set("X-B3-Sampled", sampledDigit(s.Sampled))
	if s.ParentID != (SpanID{}) {
		c.Set("X-B3-Parentspanid", s.ParentID.String())
	}
}

func readB3Multi(c Carrier) (s SpanContext, ok bool) {
	if c.Get("X-B3-Traceid") == "" && c.Get("X-B3-Sampled") == "0" { // the decision alone
		return SpanContext{}.Child(false), true
	}
	if !b3IDs(&s, strings.TrimSpace(c.Get("X-B3-Traceid")), strings.TrimSpace(c.Get("X-B3-Spanid"))) {
		return s, false
	}
	if parent := c.Get("X-B3-Parentspanid"); parent != "" && !unhex(s.ParentID[:], parent, false) {
		return s, false
	}
	if flags := c.Get("X-B3-Flags"); flags == "1" {
		s.Sampled = true
		return s, true
	}
	if sampled := c.Get("X-B3-Sampled"); sampled != "" {
		s.Sampled, ok = b3Sampled(sampled)
		return s, ok
	}
	return s, true
}

// b3IDs reads the ids. A trace id of 64 bits is the low half.
func b3IDs(s *SpanContext, trace, span string) bool {
	if len(trace) == 16 {
		trace = strings.Repeat("0", 16) + trace
	}
	return unhex(s.TraceID[:], trace, false) && unhex(s.SpanID[:], span, false)
}

// b3Sampled reads a decision; "d" is debug, which samples.
func b3Sampled(text string) (sampled, ok bool) {
	switch text {
	case "1", "d", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

func sampledDigit(sampled bool) string {
	if sampled {
		return "1"
	}
	return "0"
}
