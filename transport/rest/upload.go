package rest

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/sinew-go/sinew/fault"
)

// upload is the body of a request that is made while it is sent.
type upload struct {
	// write writes the whole body.
	write func(w io.Writer) error
	// size is how many bytes that will be, negative if that is unknown.
	size int64
	// rewind goes back to the start, for another attempt. It is nil if nothing can.
	rewind func() error
	// isPassedOn says that the source is the body of another request, whose failures are
	// those of its caller.
	isPassedOn bool
	// abandon bounds how long the source may be awaited any more. It is nil if nothing can.
	abandon func()

	begun  bool  // something may have been read from the source
	source error // what the source failed with
}

// uploadOf returns the body that r has from its current position on.
func uploadOf(r io.Reader) (*upload, error) {
	u := &upload{size: -1}
	u.write = func(w io.Writer) error {
		if u.size < 0 {
			_, err := io.Copy(w, struct{ io.Reader }{r})
			return err
		}
		n, err := io.Copy(w, io.LimitReader(r, u.size)) // a file may grow meanwhile
		if err == nil && n < u.size {
			err = fault.InvalidArgument.Errorf("it had %d bytes when the call began, and ended after %d", u.size, n)
		}
		return err
	}
	if sized, ok := r.(interface{ Len() int }); ok {
		u.size = int64(sized.Len())
	}
	s, ok := r.(io.Seeker)
	if !ok {
		return u, nil
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe is an *os.File, too
		return u, nil //nolint:nilerr // it is sent once
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = s.Seek(start, io.SeekStart)
	}
	u.size = end - start
	u.rewind = func() error {
		_, err := s.Seek(start, io.SeekStart)
		return err
	}
	return u, err
}

// upload returns the values of sequence, an iter.Seq2 that may be nil, in lines.
func (v *values) upload(sequence reflect.Value) *upload {
	u := &upload{size: -1}
	u.write = func(w io.Writer) error {
		if sequence.IsNil() {
			return nil
		}
		var line []byte
		for value, failure := range sequence.Seq2() {
			if !failure.IsNil() {
				return failure.Interface().(error)
			}
			at := reflect.New(v.t)
			at.Elem().Set(value)
			var err error
			if line, err = v.appendLine(line[:0], at); err == nil {
				_, err = w.Write(line)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return u
}

// begin returns the body of one attempt.
func (u *upload) begin() (*sending, error) {
	if u.begun {
		if u.rewind == nil {
			return nil, fault.InvalidArgument.Errorf("the body of the request was sent already, and cannot be sent again")
		}
		if err := u.rewind(); err != nil {
			return nil, fault.InvalidArgument.Errorf("the body cannot be sent again: %w", err)
		}
		u.begun, u.source = false, nil
	}
	s := &sending{upload: u, done: make(chan struct{})}
	s.from, s.to = io.Pipe()
	return s, nil
}

// failure returns what the source failed with, as a failure of the call.
func (u *upload) failure() error {
	if f, ok := errors.AsType[*fault.Error](u.source); ok && u.isPassedOn {
		return f
	}
	return fault.InvalidArgument.Errorf("the body of the request cannot be read: %w", u.source)
}

// sending is the body of one attempt. A goroutine of its own writes it, once the first of
// it is read.
type sending struct {
	*upload
	from *io.PipeReader
	to   *io.PipeWriter
	done chan struct{} // closed when write has returned

	mu       sync.Mutex
	isOpen   bool // write runs, or has run
	isClosed bool
	panicked any
}

// Read implements [io.Reader].
func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	if !s.isOpen && !s.isClosed {
		s.isOpen, s.begun = true, true
		go s.run()
	}
	s.mu.Unlock()
	return s.from.Read(p)
}

// Close implements [io.Closer].
func (s *sending) Close() error {
	s.mu.Lock()
	s.isClosed = true
	s.mu.Unlock()
	return s.from.Close()
}

func (s *sending) run() {
	defer close(s.done)
	defer func() {
		if p := recover(); p != nil { // here it would end the program, and not only who calls
			s.panicked = p
			_ = s.to.CloseWithError(errPanickedUpload)
		}
	}()
	err := s.write(s.to)
	s.mu.Lock()
	isClosed := s.isClosed // then nobody wanted more of the source
	s.mu.Unlock()
	if err != nil && !isClosed && !errors.Is(err, io.ErrClosedPipe) {
		s.source = err
	}
	_ = s.to.CloseWithError(err)
}

var errPanickedUpload = fault.InvalidArgument.Errorf("the body of the request panicked")

// end ends an attempt. It waits until nothing reads the source, but not longer than ctx
// lasts. It returns err, or what the source failed with, which no repeat would cure.
func (s *sending) end(ctx context.Context, err error) error {
	_ = s.Close()
	s.mu.Lock()
	isOpen := s.isOpen
	s.mu.Unlock()
	if !isOpen {
		return err
	}
	select {
	case <-s.done:
	default:
		if s.abandon != nil {
			s.abandon()
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			return markOnce(err)
		}
	}
	switch {
	case s.panicked != nil:
		panic(s.panicked)
	case err == nil:
		return nil
	case s.source != nil:
		return markOnce(s.failure())
	case s.rewind == nil:
		return markOnce(err)
	}
	return err
}

// markOnce returns err so that nobody repeats the call, whose body is gone.
func markOnce(err error) error {
	if err == nil {
		return nil
	}
	return fault.MarkRepeated(err)
}
