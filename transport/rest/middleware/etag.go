package middleware

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/transport/rest"
)

// ETag is a policy: which answers get a strong ETag, a hash of their content. A GET whose
// If-None-Match has the tag is answered with 304. That saves the transfer, not the work of
// the handler. A tag that the handler has set is left, and compared as well. One whose
// If-Match has another tag is answered with 412; the handler does not see that header, since
// it does not know the tag. A request for a range is left to the handler.
//
// Answers of status 200 to GET are collected for it, until their end. Those that are
// flushed, streams of events, and answers with Cache-Control: no-store pass as they are.
type ETag struct {
	// MaxBody is the size in bytes up to which an answer is collected; zero is 1 MiB. A
	// larger one passes without a tag.
	MaxBody int `json:"max_body" yaml:"max_body"`
}

// defaultMaxTagged is as much as a body may have that a rest.Route reads by default.
const defaultMaxTagged = 1 << 20

// Middleware returns a middleware with this policy. It panics when the policy is invalid.
func (e ETag) Middleware() func(http.Handler) http.Handler {
	mustBeValid("ETag", e)
	e = e.WithDefaults()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.Header["Range"] != nil || wire.FormatOf(r.Header) != wire.Plain {
				next.ServeHTTP(w, r)
				return
			}
			answer := &tagging{wrapper: wrapper{w}, known: r.Header["If-None-Match"], maxBody: e.MaxBody}
			if lines := r.Header["If-Match"]; lines != nil {
				answer.expected, r = lines, withoutPreconditions(r)
			}
			next.ServeHTTP(answer, r)
			answer.finish()
		})
	}
}

// Validate returns the error of the policy as fault.InvalidArgument.
func (e ETag) Validate() error {
	if e.MaxBody < 0 {
		return fault.InvalidArgument.Errorf("max_body: %d is negative", e.MaxBody)
	}
	return nil
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. e must
// be valid.
func (e ETag) WithDefaults() ETag {
	e.MaxBody = cmp.Or(e.MaxBody, defaultMaxTagged)
	return e
}

// tagging collects an answer until its end, or until that cannot be.
type tagging struct {
	wrapper
	known    []string // the lines of If-None-Match
	expected []string // those of If-Match
	maxBody  int
	status   int
	body     []byte
	started  bool // the header is written, and what follows is not collected
	dropped  bool // the answer is 304 or 412
}

// withoutPreconditions returns a copy of r without If-Match, and without the header that
// counts only where there is no If-Match.
func withoutPreconditions(r *http.Request) *http.Request {
	own := *r
	own.Header = maps.Clone(r.Header)
	delete(own.Header, "If-Match")
	delete(own.Header, "If-Unmodified-Since")
	return &own
}

// WriteHeader implements http.ResponseWriter.
func (t *tagging) WriteHeader(status int) {
	switch {
	case status < 200: // an upgrade included
		t.ResponseWriter.WriteHeader(status)
		return
	case t.status != 0:
		return
	}
	t.status = status
	h := t.Header()
	if status != http.StatusOK || h["Etag"] != nil || isEventStream(h) || hasDirective(h, "no-store") {
		t.start()
	}
}

// Write implements http.ResponseWriter.
func (t *tagging) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if !t.started && len(t.body)+len(b) > t.maxBody {
		t.start()
	}
	switch {
	case t.dropped:
		return len(b), nil
	case t.started:
		return t.ResponseWriter.Write(b)
	}
	t.body = append(t.body, b...)
	return len(b), nil
}

// FlushError implements flushing for [http.ResponseController].
func (t *tagging) FlushError() error {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if !t.started {
		t.start()
	}
	return t.wrapper.FlushError()
}

// Flush implements http.Flusher.
func (t *tagging) Flush() { _ = t.FlushError() }

// start writes the header and what was collected, or 304 if the caller knows the tag.
func (t *tagging) start() {
	t.started = true
	succeeds := t.status == http.StatusOK || t.status == http.StatusNotModified
	if succeeds && t.expected != nil && !isExpected(t.Header().Get("Etag"), t.expected) {
		t.dropped, t.body = true, nil
		rest.WriteError(t.ResponseWriter, fault.FromHTTPStatus(http.StatusPreconditionFailed).
			Errorf("the content is another one than the condition of the request names").WithStatus(http.StatusPreconditionFailed))
		return
	}
	if h := t.Header(); t.status == http.StatusOK && h["Etag"] != nil && isKnown(h.Get("Etag"), t.known) {
		for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Last-Modified"} {
			delete(h, name)
		}
		t.status, t.dropped = http.StatusNotModified, true
	}
	t.ResponseWriter.WriteHeader(t.status)
	if len(t.body) > 0 && !t.dropped {
		_, _ = t.ResponseWriter.Write(t.body) // an error means that the caller is gone
	}
	t.body = nil
}

// finish ends an answer. It is not called after a panic, which has an answer of its own.
func (t *tagging) finish() {
	if t.status == 0 || t.started {
		return
	}
	sum := sha256.Sum256(t.body)
	t.Header().Set("Etag", `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	t.Header().Set("Content-Length", strconv.Itoa(len(t.body)))
	t.start()
}

// isExpected reports whether lines of If-Match have a tag, by the strong comparison.
func isExpected(tag string, lines []string) bool {
	for _, line := range lines {
		for expected := range strings.SplitSeq(line, ",") {
			expected = strings.TrimSpace(expected)
			if expected == "*" || expected == tag && tag != "" && !strings.HasPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// isKnown reports whether lines of If-None-Match have a tag, by the weak comparison.
func isKnown(tag string, lines []string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for _, line := range lines {
		for known := range strings.SplitSeq(line, ",") {
			known = strings.TrimSpace(known)
			if known == "*" || strings.TrimPrefix(known, "W/") == tag {
				return true
			}
		}
	}
	return false
}
