package eventstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// ErrTooLarge says that an event or a line is larger than the maximum.
var ErrTooLarge = errors.New("an event or a line is too large")

var mark = []byte("\xef\xbb\xbf") // of UTF-8, at the start of a stream

// Reader reads server-sent events.
type Reader struct {
	from   *bufio.Reader
	max    int
	line   []byte
	isOpen bool // a line was read
	skipLF bool // the last line ended in CR
	lastID string
	retry  time.Duration // negative before the stream has said it
}

// NewReader returns a reader of the events of r, each of at most most bytes.
func NewReader(r io.Reader, most int) *Reader {
	return &Reader{from: bufio.NewReader(r), max: most, retry: -1}
}

// GoOnAfter makes the stream one that goes on after the event with this id. Call it before
// Next.
func (r *Reader) GoOnAfter(lastID string) { r.lastID = lastID }

// Resume returns with which Last-Event-ID a stream goes on that is cut off here, and how
// long to wait before that; negative if the stream has not said it. An event without data
// counts as well.
func (r *Reader) Resume() (lastID string, wait time.Duration) { return r.lastID, r.retry }

// Next returns the next event that has data. The error at the end is io.EOF, and
// io.ErrUnexpectedEOF if that is within an event.
func (r *Reader) Next() (e Event, err error) {
	hasData, hasField, hasID, size := false, false, false, 0
	for {
		line, err := r.next()
		switch {
		case err == io.EOF && (hasField || len(line) > 0): //nolint:errorlint // as readers must return it
			return Event{}, io.ErrUnexpectedEOF
		case err != nil:
			return Event{}, err
		}
		if size += len(line); size > r.max {
			return Event{}, ErrTooLarge
		}
		if len(line) == 0 {
			if hasID {
				r.lastID = e.ID
			}
			if hasData {
				return e, nil
			}
			e, hasField, hasID, size = Event{}, false, false, 0
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // a comment
			size -= len(line)
			continue
		case "data":
			if hasData {
				e.Data = append(e.Data, '\n')
			}
			e.Data, hasData = append(e.Data, value...), true
		case "event":
			e.Type = string(value)
		case "id":
			if !bytes.Contains(value, []byte("\x00")) {
				e.ID, hasID = string(value), true
			}
		case "retry":
			if wait, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				e.Retry = time.Duration(wait) * time.Millisecond
				r.retry = e.Retry
			}
		}
		hasField = true
	}
}

// next returns the next line, which is valid until the next call.
func (r *Reader) next() ([]byte, error) {
	r.line = r.line[:0]
	for {
		b, err := r.from.ReadByte()
		if err != nil {
			return r.line, err
		}
		if skip := r.skipLF && b == '\n'; skip {
			r.skipLF = false
			continue
		}
		r.skipLF = b == '\r'
		if b == '\n' || b == '\r' {
			if !r.isOpen {
				r.isOpen, r.line = true, bytes.TrimPrefix(r.line, mark)
			}
			return r.line, nil
		}
		if len(r.line) >= r.max+len(mark) {
			return nil, ErrTooLarge
		}
		r.line = append(r.line, b)
	}
}

// Lines reads lines that are not blank.
type Lines struct {
	from *bufio.Reader
	max  int
	line []byte
}

// NewLines returns a reader of the lines of r, each of at most most bytes.
func NewLines(r io.Reader, most int) *Lines { return &Lines{from: bufio.NewReader(r), max: most} }

// Next returns the next line without its end, which the last line need not have. It is valid
// until the next call. The error at the end is io.EOF.
func (l *Lines) Next() ([]byte, error) {
	for {
		l.line = l.line[:0]
		for {
			part, err := l.from.ReadSlice('\n')
			if len(l.line)+len(bytes.TrimRight(part, "\r\n")) > l.max {
				return nil, ErrTooLarge
			}
			l.line = append(l.line, part...)
			if err == nil {
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err == io.EOF && len(bytes.TrimSpace(l.line)) > 0 { //nolint:errorlint // as readers must return it
				break
			}
			return nil, err
		}
		if line := bytes.TrimSpace(l.line); len(line) > 0 {
			return line, nil
		}
	}
}
