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

// defaultCapacity is the default of Recorder.Capacity.
const defaultCapacity = 1000

// Recorder is a [Tracer] that samples every trace that starts here or arrives undecided,
// and stores the newest finished spans in memory: for tests, and to inspect a running
// program. The zero Recorder is ready to use. It is safe for concurrent use.
type Recorder struct {
	// Capacity is how many spans are stored: a further one replaces the oldest. The default
	// is 1000.
	Capacity int

	mu    sync.Mutex
	spans []Finished // a ring buffer once it is full
	next  int
}

// Finished is a span that has ended, as a [Recorder] stores it.
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
	return ContextWithSpan(ctx, child), &recordedSpan{recorder: r, f: Finished{SpanContext: child, Name: Bounded(name), Kind: kind, Start: time.Now()}}
}

// Spans returns the stored spans in the order in which they ended, the oldest first.
// Their Tags are read-only.
func (r *Recorder) Spans() []Finished {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append([]Finished{}, r.spans[r.next:]...), r.spans[:r.next]...)
}

func (r *Recorder) add(f Finished) {
	capacity := r.Capacity
	if capacity <= 0 {
		capacity = defaultCapacity
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) < capacity {
		r.spans = append(r.spans, f)
		return
	}
	r.spans[r.next] = f
	r.next = (r.next + 1) % len(r.spans)
}

type recordedSpan struct {
	recorder *Recorder
	mu       sync.Mutex
	f        Finished
	ended    bool
}

// Context implements [Span].
func (s *recordedSpan) Context() SpanContext { return s.f.SpanContext }

// Set implements [Span].
func (s *recordedSpan) Set(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f.Tags == nil {
		s.f.Tags = map[string]string{}
	}
	s.f.Tags[Bounded(key)] = Bounded(value)
}

// End implements [Span].
func (s *recordedSpan) End(err error) {
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

// maxTagBytes bounds names and tags.
const maxTagBytes = 1024

// Bounded returns text, shortened to the 1 KiB that the name of a span and the key and
// the value of a tag may have. It cuts no character in two.
func Bounded(text string) string {
	if len(text) <= maxTagBytes {
		return text
	}
	end := maxTagBytes
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ErrorTag returns the value of the tag "error": the class and the text of err, shortened
// as by [Bounded]. err must not be nil.
func ErrorTag(err error) string {
	text, class := err.Error(), fault.CodeOf(err).Error()
	if !strings.HasPrefix(text, class) {
		text = class + ": " + text
	}
	return Bounded(text)
}
