package rest

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// maxStall is how long the caller of a streamed body may neither send nor accept any of
// it. A limit on the whole time would end large transfers, and none would let a caller
// that has vanished hold a connection and an open file.
const maxStall = 30 * time.Second

// pacedWriter writes an answer that may take any time as long as its caller accepts it.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	isPaced bool // false if the route has a time limit of its own
}

func (l timeLimits) paceWriter(w http.ResponseWriter) *pacedWriter {
	return &pacedWriter{w, http.NewResponseController(w), l.write == 0}
}

// Write implements [http.ResponseWriter].
func (w *pacedWriter) Write(b []byte) (int, error) {
	w.limit(maxStall)
	defer w.limit(-1)
	return w.ResponseWriter.Write(b)
}

// FlushError implements flushing for [http.ResponseController].
func (w *pacedWriter) FlushError() error {
	w.limit(maxStall)
	defer w.limit(-1)
	return w.control.Flush()
}

// Unwrap lets [http.ResponseController] reach the wrapped writer.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// copyFrom writes all that r has, and sends it while it arrives. It returns what r failed
// with: if w fails, the caller is gone.
func (w *pacedWriter) copyFrom(r io.Reader) error {
	_ = w.FlushError()
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return nil //nolint:nilerr // nobody would get it
			}
		}
		if err == io.EOF { //nolint:errorlint // as readers must return it
			return nil
		}
		if err != nil {
			return err
		}
		if n < len(buffer) { // more may be long in coming
			_ = w.FlushError()
		}
	}
}

// limit sets the time limit of what is written next; negative is none.
func (w *pacedWriter) limit(d time.Duration) {
	if w.isPaced {
		_ = w.control.SetWriteDeadline(deadlineIn(d))
	}
}

// pacedBody is the streamed body of a request. It may take any time as long as its caller
// sends, and it ends with the handler: a goroutine that reads on must not set the time limit
// of a request that is over, with which HTTP/2 would panic.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	isPaced bool // false if another limit holds

	mu     sync.Mutex
	isOver bool
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	if !b.limit(deadlineIn(maxStall)) {
		return 0, http.ErrBodyReadAfterClose
	}
	defer b.limit(time.Time{})
	return b.ReadCloser.Read(p)
}

// limit sets the time limit of what is read next. It reports whether the request goes on.
func (b *pacedBody) limit(at time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isOver && b.isPaced {
		_ = b.control.SetReadDeadline(at)
	}
	return !b.isOver
}

// end says that the request is answered.
func (b *pacedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isOver = true
}
