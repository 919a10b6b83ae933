package middleware

import (
	"cmp"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// Decompression is a policy: how much the body of a request may become that arrives
// compressed with gzip or zstd. Handlers read it decompressed, without Content-Encoding.
// Bodies with another encoding are left to them; a rest.Route answers those with 415.
type Decompression struct {
	// MaxBody is the maximum size in bytes of a decompressed body; zero is 16 MiB. What
	// comes then is an [http.MaxBytesError], which a rest.Route answers with 413. The
	// MaxBody of a route counts as well.
	MaxBody int64 `json:"max_body" yaml:"max_body"`
}

const (
	defaultMaxDecompressed = 16 << 20
	// maxZstdWindow is the memory that a sender may demand, in bytes: what RFC 9659 allows
	// in HTTP.
	maxZstdWindow = 8 << 20
)

// Middleware returns a middleware with this policy. It panics when the policy is invalid.
func (d Decompression) Middleware() func(http.Handler) http.Handler {
	mustBeValid("Decompression", d)
	d = d.WithDefaults()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open := decoderOf(r)
			if open == nil {
				next.ServeHTTP(w, r)
				return
			}
			body := &decompressed{encoded: r.Body, open: open}
			defer body.release()
			own := *r // the outer handlers keep theirs
			own.Header = r.Header.Clone()
			own.Header.Del("Content-Encoding")
			own.Header.Del("Content-Length")
			own.ContentLength = -1
			own.Body = http.MaxBytesReader(w, body, d.MaxBody)
			next.ServeHTTP(w, &own)
			r.Pattern = own.Pattern
		})
	}
}

// Validate returns the error of the policy as fault.InvalidArgument.
func (d Decompression) Validate() error {
	if d.MaxBody < 0 {
		return fault.InvalidArgument.Errorf("max_body: %d is negative", d.MaxBody)
	}
	return nil
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. d must
// be valid.
func (d Decompression) WithDefaults() Decompression {
	d.MaxBody = cmp.Or(d.MaxBody, defaultMaxDecompressed)
	return d
}

// decoderOf returns what decodes the body of r, nil if it is to stay as it is.
func decoderOf(r *http.Request) func(io.Reader) (io.ReadCloser, error) {
	coding := r.Header["Content-Encoding"]
	if len(coding) != 1 || r.Body == nil || wire.FormatOf(r.Header) != wire.Plain {
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(coding[0])) {
	case "gzip", "x-gzip":
		return func(body io.Reader) (io.ReadCloser, error) { return gzip.NewReader(body) }
	case "zstd":
		return func(body io.Reader) (io.ReadCloser, error) {
			decoder, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
			if err != nil {
				return nil, err
			}
			return decoder.IOReadCloser(), nil
		}
	}
	return nil
}

// decompressed is the body of a request. It starts to read when it is read, so that a
// sender that waits for 100 Continue is asked only then.
type decompressed struct {
	encoded io.ReadCloser
	open    func(io.Reader) (io.ReadCloser, error)
	decoder io.ReadCloser
	err     error // of all further reads
}

// Read implements io.Reader.
func (d *decompressed) Read(b []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.decoder == nil {
		if d.decoder, d.err = d.open(d.encoded); d.err != nil {
			d.decoder = nil
			return 0, d.err // io.EOF for an empty body
		}
	}
	n, d.err = d.decoder.Read(b)
	return n, d.err
}

// Close implements io.Closer.
func (d *decompressed) Close() error {
	d.err = http.ErrBodyReadAfterClose
	return d.encoded.Close()
}

// release frees what the decoder has, when the request is answered.
func (d *decompressed) release() {
	if d.decoder != nil {
		_ = d.decoder.Close()
	}
}
