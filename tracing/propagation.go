package tracing

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/internal/headertext"
)

// Carrier is the headers in which a trace travels: an [http.Header] or a [Map].
type Carrier interface {
	// Get returns the value of a header, "" if there is none. Keys are in the form of
	// [http.CanonicalHeaderKey].
	Get(key string) string
	// Set replaces the value of a header.
	Set(key, value string)
}

// Map is a [Carrier] with lower-case keys, such as an event's extensions.
type Map map[string]string

// Get implements [Carrier].
func (m Map) Get(key string) string { return m[strings.ToLower(key)] }

// Set implements [Carrier].
func (m Map) Set(key, value string) { m[strings.ToLower(key)] = value }

// Format is a format of a trace in headers.
type Format int

// The formats.
const (
	W3C     Format = iota // traceparent and tracestate
	B3                    // one header, b3
	B3Multi               // X-B3-TraceId and its siblings
)

// Formats are the formats in which a service writes and reads traces. Nil writes W3C and
// B3, and reads W3C, B3 and B3Multi, in this order. Formats that are empty but not nil
// write and read nothing.
type Formats []Format

// Inject writes the span in ctx into c, in W3C and B3. It writes nothing if there is no
// span.
func Inject(ctx context.Context, c Carrier) { Formats(nil).Inject(ctx, c) }

// Extract returns ctx with the span in c as the remote parent. It reads every [Format];
// the first valid one counts, in the order W3C, B3, B3Multi. It returns ctx itself if c
// has neither a valid span nor a decision of B3.
func Extract(ctx context.Context, c Carrier) context.Context { return Formats(nil).Extract(ctx, c) }

// Inject writes the span in ctx into c, in all of these formats. It writes nothing if
// there is no span.
func (f Formats) Inject(ctx context.Context, c Carrier) {
	span := spanOf(ctx)
	if span == nil || !span.IsValid() {
		return
	}
	if f == nil {
		if h, ok := c.(http.Header); ok {
			writeDefault(span, h)
			return
		}
		f = Formats{W3C, B3}
	}
	for _, format := range f {
		formats[format].write(span, c)
	}
}

// writeDefault writes the default formats with two allocations: every call of every client
// does it.
func writeDefault(s *SpanContext, h http.Header) {
	text := make([]byte, 0, traceparentLength+maxB3Length)
	text = appendTraceparent(text, s)
	text = appendB3(text, s)
	all := string(text)
	lines := make(headertext.Lines, 0, 3)
	lines.Set(h, "Traceparent", all[:traceparentLength])
	lines.Set(h, "B3", all[traceparentLength:])
	if s.State != "" {
		lines.Set(h, "Tracestate", s.State)
	}
}

// Extract returns ctx with the span in c as the remote parent. It reads these formats in
// their order; the first valid one counts. It returns ctx itself if none is valid.
func (f Formats) Extract(ctx context.Context, c Carrier) context.Context {
	if f == nil {
		f = Formats{W3C, B3, B3Multi}
	}
	for _, format := range f {
		span, ok := formats[format].read(c)
		if !ok {
			continue
		}
		if format == W3C && !span.Sampled {
			span.Undecided = f.isUndecided(span, c)
		}
		return ContextWithSpan(ctx, span)
	}
	return ctx
}

// isUndecided reports whether the sampling of a traceparent's span is not decided yet. W3C
// cannot express that, but B3 headers may say it of the same span.
func (f Formats) isUndecided(span SpanContext, c Carrier) bool {
	return slices.ContainsFunc(f, func(format Format) bool {
		if format == W3C || format == B3 && !mayBeB3IDs(c.Get("B3")) {
			return false
		}
		b3, ok := formats[format].read(c)
		return ok && b3.Undecided && b3.TraceID == span.TraceID && b3.SpanID == span.SpanID
	})
}

var formats = [...]struct {
	write func(*SpanContext, Carrier)
	read  func(Carrier) (SpanContext, bool)
}{
	W3C:     {writeW3C, readW3C},
	B3:      {writeB3, readB3},
	B3Multi: {writeB3Multi, readB3Multi},
}

// headerValues returns all values of a header, which may be in several lines.
func headerValues(c Carrier, key string) string {
	if h, ok := c.(http.Header); ok {
		return strings.Join(h.Values(key), ",")
	}
	return c.Get(key)
}

// unhex parses exactly as many hex digits as into has room for; with strict only in lower
// case.
func unhex(into []byte, text string, strict bool) bool {
	if len(text) != hex.EncodedLen(len(into)) || strict && strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}
