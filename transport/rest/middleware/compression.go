package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// Compression is a policy: which answers are compressed, with zstd or gzip, as the caller
// accepts them. Answers that are compressed get a weak ETag.
//
// Never compressed are: answers to HEAD and to requests for a range, streams of events, of
// gRPC and of Connect, answers that begin with a flush, those that have a Content-Encoding
// or say Cache-Control: no-transform, and media such as JPEG. An answer that has a secret
// beside what its caller has chosen says no-transform, since the size of the compressed
// answer would give the secret away.
type Compression struct {
	// MinSize is the size in bytes from which on an answer is compressed; zero is 1 KiB.
	MinSize int `json:"min_size" yaml:"min_size"`
}

// defaultMinSize: what is smaller fits into one packet anyway.
const defaultMinSize = 1 << 10

// Middleware returns a middleware with this policy. It panics when the policy is invalid.
func (c Compression) Middleware() func(http.Handler) http.Handler {
	mustBeValid("Compression", c)
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(c.WithDefaults().MinSize), gzhttp.ContentTypeFilter(isCompressibleType))
	if err != nil {
		panic("middleware.Compression: " + err.Error())
	}
	return func(next http.Handler) http.Handler {
		compressed := compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			beneath, _ := wire.WriterOf[*weakening](w)
			chooser := &choosing{wrapper: wrapper{w}, plain: beneath.ResponseWriter}
			next.ServeHTTP(chooser, r)
			chooser.finish()
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead || r.Header["Range"] != nil || wire.FormatOf(r.Header) != wire.Plain {
				w.Header().Add("Vary", "Accept-Encoding")
				next.ServeHTTP(w, r)
				return
			}
			compressed.ServeHTTP(&weakening{wrapper{w}}, r)
		})
	}
}

// Validate returns the error of the policy as fault.InvalidArgument.
func (c Compression) Validate() error {
	if c.MinSize < 0 {
		return fault.InvalidArgument.Errorf("min_size: %d is negative", c.MinSize)
	}
	return nil
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. c must
// be valid.
func (c Compression) WithDefaults() Compression {
	c.MinSize = cmp.Or(c.MinSize, defaultMinSize)
	return c
}

// choosing is what the handler writes to: the compressing writer that it wraps, or plain,
// which is beneath that. It chooses at the first byte or flush, since the compressing
// writer ignores a flush before the first byte.
type choosing struct {
	wrapper
	plain  http.ResponseWriter
	chosen http.ResponseWriter // nil until then
	status int
}

// WriteHeader implements http.ResponseWriter.
func (c *choosing) WriteHeader(status int) {
	switch {
	case status < 200: // an upgrade included
		c.plain.WriteHeader(status)
	case c.status == 0:
		c.status = status
		if !c.isCompressible() {
			c.choose(c.plain)
		}
	}
}

// Write implements http.ResponseWriter.
func (c *choosing) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.chosen == nil {
		c.choose(c.ResponseWriter)
	}
	return c.chosen.Write(b)
}

// FlushError implements flushing for [http.ResponseController].
func (c *choosing) FlushError() error {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if c.chosen == nil {
		c.choose(c.plain)
	}
	return http.NewResponseController(c.chosen).Flush()
}

// Flush implements http.Flusher.
func (c *choosing) Flush() { _ = c.FlushError() }

func (c *choosing) choose(w http.ResponseWriter) {
	c.chosen = w
	w.WriteHeader(c.status)
}

// finish writes the header of an answer without a body.
func (c *choosing) finish() {
	if c.chosen == nil && c.status != 0 {
		c.choose(c.plain)
	}
}

func (c *choosing) isCompressible() bool {
	switch h := c.Header(); {
	case c.status == http.StatusNoContent, c.status == http.StatusNotModified, c.status == http.StatusPartialContent:
		return false
	case h["Content-Encoding"] != nil, isEventStream(h), hasDirective(h, "no-transform"):
		return false
	}
	return true
}

// compressedTypes begin the media types whose content is compressed already, beside those
// that the library knows.
var compressedTypes = []string{"image/png", "image/gif", "image/webp", "image/avif", "image/heic", "font/woff"}

func isCompressibleType(kind string) bool {
	lower := strings.ToLower(kind)
	return gzhttp.DefaultContentTypeFilter(kind) &&
		!slices.ContainsFunc(compressedTypes, func(known string) bool { return strings.HasPrefix(lower, known) })
}

func isEventStream(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream")
}

// hasDirective reports whether the Cache-Control of an answer has a directive.
func hasDirective(h http.Header, directive string) bool {
	for _, line := range h["Cache-Control"] {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), directive) {
				return true
			}
		}
	}
	return false
}

// weakening is beneath the compressing writer. A strong ETag is that of the plain bytes,
// so it becomes a weak one if they are compressed.
type weakening struct{ wrapper }

// WriteHeader implements http.ResponseWriter.
func (w *weakening) WriteHeader(status int) {
	if tag := w.Header().Get("Etag"); w.Header()["Content-Encoding"] != nil && strings.HasPrefix(tag, `"`) {
		w.Header().Set("Etag", "W/"+tag)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *weakening) Write(b []byte) (int, error) { return w.ResponseWriter.Write(b) }
