package wire

import (
	"errors"
	"net/http"
	"sync"
)

// maxPending is how many bytes a [StreamWriter] accepts before they are on their way. It is
// two frames of HTTP/2: with less the network waits for the handler, and with more a caller
// that stops reading costs memory for nothing.
const maxPending = 32 << 10

// StreamWriter writes an answer of many messages, each of which is flushed. Messages that
// are flushed while earlier ones are being sent leave together, with one write to the
// network; a message with none before it leaves at once. Write blocks while 32 KiB wait.
//
// Write, Flush and Close must not be called at the same time. The handler calls Close before
// it returns. The header must not be changed between the first Flush and Close, but for
// trailers.
type StreamWriter struct {
	http.ResponseWriter
	failed func(error) // nil for none
	begun  bool        // the header and the first message are sent

	mu       sync.Mutex
	changed  sync.Cond // signaled when a field below changes
	pending  []byte    // written, not on its way
	flush    bool      // what is pending is to be sent now
	sending  bool      // the goroutine of send runs
	closing  bool
	spare    []byte // the buffer that is pending next
	writeErr error  // of the wrapped writer
}

// NewStreamWriter returns a StreamWriter that writes to w. It calls failed, if that is not
// nil, as soon as w fails, which Write and Flush report only when they are called next.
func NewStreamWriter(w http.ResponseWriter, failed func(error)) *StreamWriter {
	s := &StreamWriter{ResponseWriter: w, failed: failed}
	s.changed.L = &s.mu
	return s
}

// Write implements [http.ResponseWriter].
func (s *StreamWriter) Write(p []byte) (int, error) {
	if !s.begun {
		return s.ResponseWriter.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) > maxPending && s.writeErr == nil {
		s.requestFlush()
		s.changed.Wait()
	}
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	s.pending = append(s.pending, p...)
	return len(p), nil
}

// FlushError sends what was written. The error is that of an earlier write.
func (s *StreamWriter) FlushError() error {
	if !s.begun {
		s.begun = true
		return http.NewResponseController(s.ResponseWriter).Flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requestFlush()
	return s.writeErr
}

// Flush implements [http.Flusher].
func (s *StreamWriter) Flush() { _ = s.FlushError() }

// Close sends what is pending, and returns when it is on its way.
func (s *StreamWriter) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) > 0 {
		s.requestFlush()
	}
	s.closing = true
	s.changed.Broadcast()
	for s.sending {
		s.changed.Wait()
	}
}

// Unwrap lets [http.ResponseController] reach the wrapped writer.
func (s *StreamWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *StreamWriter) requestFlush() {
	s.flush = true
	if !s.sending {
		s.sending = true
		go s.send()
	}
	s.changed.Broadcast()
}

// send sends what is pending until the writer closes.
func (s *StreamWriter) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for !s.flush && !s.closing {
			s.changed.Wait()
		}
		if !s.flush {
			break
		}
		now := s.pending
		s.pending, s.flush = s.spare[:0], false
		s.mu.Unlock()
		_, err := s.ResponseWriter.Write(now)
		if err == nil {
			err = http.NewResponseController(s.ResponseWriter).Flush()
		}
		if errors.Is(err, errors.ErrUnsupported) { // what is written leaves at the end
			err = nil
		}
		s.mu.Lock()
		if s.spare = now; cap(now) > 4*maxPending { // of one large message
			s.spare = nil
		}
		if err != nil && s.writeErr == nil {
			s.writeErr = err
			if s.failed != nil {
				s.failed(err)
			}
		}
		s.changed.Broadcast()
	}
	s.sending = false
	s.changed.Broadcast()
}
