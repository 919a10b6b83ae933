package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// encodeWhole adds to a the body of a response that is a whole body.
func (h *handler) encodeWhole(a answer, response any) (answer, error) {
	whole := h.response.whole
	field := h.response.structOf(response).FieldByIndex(whole.index)
	if whole.form == bytesForm {
		a.Raw = field.Bytes()
	} else {
		a.content, _ = field.Interface().(io.ReadCloser)
	}
	kind := a.Header.Get(contentTypeName)
	switch {
	case whole.form != bytesForm && a.content == nil:
		return answer{}, errNoAnswer(h.text)
	case kind != "" && !whole.types.has(kind):
		a.close()
		return answer{}, fault.Internal.Errorf("%s answered a body of type %q, and the route has %s",
			h.text, kind, whole.types)
	case !isTag(a.Header.Get("Etag")):
		a.close()
		return answer{}, fault.Internal.Errorf("%s answered the ETag %s, which must be in double quotes",
			h.text, shorten(a.Header.Get("Etag")))
	}
	if kind == "" {
		if a.Header == nil {
			a.Header = http.Header{}
		}
		a.Header[contentTypeName] = []string{whole.types.first()}
	}
	return a, nil
}

// isTag reports whether text may be an ETag. One that is malformed would never match.
func isTag(text string) bool {
	quoted := strings.TrimPrefix(text, "W/")
	return text == "" || len(quoted) > 1 && quoted[0] == '"' && quoted[len(quoted)-1] == '"'
}

// structOf returns the struct that a response, a pointer to a Resp, points to. It is
// invalid if there is none.
func (b *binding) structOf(response any) reflect.Value {
	v := reflect.ValueOf(response).Elem()
	if b.pointer {
		return v.Elem()
	}
	return v
}

// close closes the content of an answer, if it has one.
func (a answer) close() {
	if a.content != nil {
		_ = a.content.Close()
	}
}

// writeWhole writes an answer that is a whole body. Parts of it, and the conditions of a
// request, need an answer that can seek, and status 200.
func (h *handler) writeWhole(ctx context.Context, w http.ResponseWriter, r *http.Request, a answer) {
	defer a.close()
	a.setHeader(w)
	w.Header()["X-Content-Type-Options"] = []string{"nosniff"} // else a browser may run what a user has uploaded
	paced := h.timeLimits.paceWriter(w)
	content := io.Reader(a.content)
	if a.content == nil {
		content = bytes.NewReader(a.Raw)
	}
	seeker, canSeek := content.(io.Seeker)
	if canSeek { // a pipe is an *os.File, too
		_, err := seeker.Seek(0, io.SeekCurrent)
		canSeek = err == nil
	}
	isGet := r.Method == http.MethodGet || r.Method == http.MethodHead
	source := &contentReader{content, seeker, func(p any) { logPanic(ctx, h.log(), h.text, p) }, nil}
	if canSeek && isGet && a.Status == http.StatusOK {
		at, _ := http.ParseTime(a.Header.Get("Last-Modified"))
		http.ServeContent(&contentWriter{pacedWriter: paced}, r, "", at, source)
		h.endContent(ctx, w, source.err)
		return
	}
	if a.content == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Raw)))
	}
	w.WriteHeader(a.Status)
	if r.Method == http.MethodHead {
		return
	}
	h.endContent(ctx, w, paced.copyFrom(source))
}

// endContent breaks the connection of an answer whose content could not be read to its end:
// nothing else can say so.
func (h *handler) endContent(ctx context.Context, w http.ResponseWriter, err error) {
	if err == nil {
		return
	}
	err = fault.Internal.Errorf("the answer could not be read to its end: %w", err)
	logFailure(ctx, w, h.log(), h.text, err)
	reportFailure(w, err)
	panic(http.ErrAbortHandler)
}

// contentReader remembers why its content could not be read. A panic is such a reason: the
// answer has begun, and cannot become another one.
type contentReader struct {
	from     io.Reader
	seeker   io.Seeker
	panicked func(p any)
	err      error
}

// Read implements [io.Reader].
func (c *contentReader) Read(b []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			c.panicked(p)
			n, err = 0, errInternal
		}
		if err != nil && !errors.Is(err, io.EOF) {
			c.err = err
		}
	}()
	return c.from.Read(b)
}

// Seek implements [io.Seeker].
func (c *contentReader) Seek(offset int64, whence int) (int64, error) {
	return c.seeker.Seek(offset, whence)
}

// contentWriter turns what [http.ServeContent] refuses into problem documents.
type contentWriter struct {
	*pacedWriter
	hasFailed bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *contentWriter) WriteHeader(status int) {
	if status < 400 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.hasFailed = true
	code, text := fault.FromHTTPStatus(status), "the content cannot be read"
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		text = "the range is not within the content"
	case http.StatusPreconditionFailed:
		text = "the content is another one than the condition of the request names"
	}
	writeProblem(w.ResponseWriter, code.Errorf("%s", text).WithStatus(status))
}

// Write implements [http.ResponseWriter].
func (w *contentWriter) Write(b []byte) (int, error) {
	if w.hasFailed {
		return len(b), nil
	}
	return w.pacedWriter.Write(b)
}
