package tracing

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

// recorded is how many spans a Recorder keeps when it does not say.
const recorded = 1000

// Recorder is a [Tracer] that samples every trace that starts here and keeps the
// newest finished spans in memory: for tests, and for looking at a running
// program. The zero Recorder is ready. It is safe for concurrent use.
type Recorder struct {
	// Keep is how many spans are kept; zero is 1000.
	Keep int

	mu    sync.Mutex
	spans []Finished // a ring once it is full
	next  int
}

// Finished is a span that has ended.
type Finished struct {
	SpanContext
	Name     string
	Kind     Kind
	Start    time.Time
	Duration time.Duration
	Tags     map[string]string
}

// Start implements [Tracer].
func (r *Recorder) Start(ctx context.Context, name string, kind Kind) (context.Context, Span) {
	parent := SpanContextOf(ctx)
	if parent.IsValid() && !parent.Undecided && !parent.Sampled {
		return Unsampled(ctx)
	}
	child := parent.Child(true)
	return ContextWithSpan(ctx, child), &recording{recorder: r, f: Finished{SpanContext: child, Name: Bounded(name), Kind: kind, Start: time.Now()}}
}

// Spans are the finished spans, the oldest first.
func (r *Recorder) Spans() []Finished {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append([]Finished{}, r.spans[r.next:]...), r.spans[:r.next]...)
}

func (r *Recorder) add(f Finished) {
	keep := r.Keep
	if keep <= 0 {
		keep = recorded
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) < keep {
		r.spans = append(r.spans, f)
		return
	}
	r.spans[r.next] = f
	r.next = (r.next + 1) % len(r.spans)
}

type recording struct {
	recorder *Recorder
	mu       sync.Mutex
	f        Finished
	ended    bool
}

// Context implements [Span].
func (s *recording) Context() SpanContext { return s.f.SpanContext }

// Set implements [Span].
func (s *recording) Set(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f.Tags == nil {
		s.f.Tags = map[string]string{}
	}
	s.f.Tags[Bounded(key)] = Bounded(value)
}

// End implements [Span].
func (s *recording) End(err error) {
	if err != nil {
		s.Set("error", ErrorTag(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended, s.f.Duration = true, time.Since(s.f.Start)
	done := s.f
	done.Tags = maps.Clone(done.Tags)
	s.recorder.add(done)
}

// maxTag bounds names and tags, in bytes.
const maxTag = 1024

// Bounded is text cut to the length that a name or tag may have.
func Bounded(text string) string {
	if len(text) <= maxTag {
		return text
	}
	end := maxTag
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ErrorTag is an error as a span tells it: its class and text.
func ErrorTag(err error) string {
	text, class := err.Error(), fault.CodeOf(err).Error()
	if !strings.HasPrefix(text, class) {
		text = class + ": " + text
	}
	return Bounded(text)
}
