package rest

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/origin"
	"github.com/sinew-go/sinew/internal/wire"
)

// The default limits on the size of an answer, in bytes. A compressed answer may be a
// thousand times as large as what was sent, so its limit is lower.
const (
	maxAnswerBytes   = 64 << 20
	maxUnpackedBytes = 16 << 20
)

// maxAnswerNesting is how deep arrays and objects of an answer may be nested: the limit of
// encoding/json.
const maxAnswerNesting = 10_000

// Remote returns a caller of the service at a base URL such as "http://10.0.0.1:8080".
// Each call is one attempt through client, which is [http.DefaultClient] if nil. Calls
// carry the same metadata as those of any other caller. The caller is safe for concurrent
// use.
func Remote(baseURL string, client *http.Client) call.Caller {
	if client == nil {
		client = http.DefaultClient
	}
	return remote{baseURL, client}
}

type remote struct {
	baseURL string
	client  *http.Client
}

// Call implements [call.Caller].
func (a remote) Call(ctx context.Context, op call.Operation, send func(ctx context.Context, addr string) error) error {
	return callctx.Single(ctx, op, a.baseURL, send)
}

// HTTPClient returns the client that sends the attempts.
func (a remote) HTTPClient() *http.Client { return a.client }

type sender struct{ client *http.Client }

// clientOf returns the HTTP client of c, or http.DefaultClient.
func clientOf(c call.Caller) *http.Client {
	if h, ok := c.(interface{ HTTPClient() *http.Client }); ok {
		return h.HTTPClient()
	}
	return http.DefaultClient
}

// followRedirects returns a sender that follows redirects only for GET and HEAD, and only
// within the origin that was called: nobody else may see what a request carries, and
// nobody else's answer is the service's.
func followRedirects(client *http.Client) sender {
	own := origin.Confine(client)
	sameOrigin := own.CheckRedirect
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if m := via[0].Method; m != http.MethodGet && m != http.MethodHead {
			return http.ErrUseLastResponse
		}
		return sameOrigin(r, via)
	}
	return sender{own}
}

// passRedirects returns a sender that treats a redirect as the answer.
func passRedirects(client *http.Client) sender {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return sender{&own}
}

// fetch makes one attempt and decodes the answer into resp.
func (s sender) fetch(ctx context.Context, addr string, c *contract, m outgoing, resp any) error {
	status, header, body, err := s.exchange(ctx, addr, &m, c.answerLimit)
	if err != nil {
		return err
	}
	if (status >= 300 || status < 200) && (c.response.whole == nil || status != http.StatusNotModified) {
		return failureOf(m, status, header, body)
	}
	switch {
	case c.response.whole != nil:
		if err := c.checkType(status, header); err != nil {
			return err
		}
		c.response.newStruct(resp).FieldByIndex(c.response.whole.index).SetBytes(body)
	case c.json.t != nil:
		err = c.readBody(header, body, resp)
	}
	if err == nil {
		err = c.readHeader(resp, header)
	}
	if err == nil {
		return nil
	}
	return fault.Internal.Errorf("the answer to %s cannot be read: %w", m.name, cutError(err))
}

// exchange sends the request and reads the whole answer, up to limit bytes; 0 means the
// default.
func (s sender) exchange(ctx context.Context, addr string, m *outgoing, limit int64) (status int, header http.Header, body []byte, err error) {
	var resends resendWatch
	r, sent, err := m.request(resends.trace(ctx), addr)
	if err != nil {
		return 0, nil, nil, err
	}
	if sent != nil {
		defer func() { err = sent.end(ctx, err) }()
	}
	answer, err := s.client.Do(r)
	resends.record(callctx.Of(ctx))
	if err != nil {
		return 0, nil, nil, wire.NoAnswer(ctx, m.name, fault.CodeOf(err), err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode < 200 { // no upgrade was asked for
		return 0, nil, nil, errNoStatus(m.name, answer.StatusCode)
	}
	if m.method == http.MethodHead { // Content-Length is that of a GET
		return answer.StatusCode, answer.Header, nil, nil
	}
	if body, err = readAnswer(ctx, m.name, answer, limit); err != nil {
		return 0, nil, nil, err
	}
	return answer.StatusCode, answer.Header, body, nil
}

func errNoStatus(name string, status int) error {
	return fault.Internal.Errorf("%s was answered with status %d, which is no answer", name, status)
}

// readAnswer returns the body of an answer to the named operation. It is at most limit bytes
// long; 0 means the default.
func readAnswer(ctx context.Context, name string, answer *http.Response, limit int64) ([]byte, error) {
	body, err := boundedBody(answer, limit)
	if err != nil {
		return nil, wire.NoAnswer(ctx, name, fault.CodeOf(err), err)
	}
	return body, nil
}

func boundedBody(answer *http.Response, limit int64) ([]byte, error) {
	if answer.ContentLength == 0 {
		return nil, nil
	}
	switch {
	case limit > 0:
	case answer.Uncompressed:
		limit = maxUnpackedBytes
	default:
		limit = maxAnswerBytes
	}
	if answer.ContentLength > limit {
		return nil, answerTooLarge(limit)
	}
	body, err := readUpTo(limit, answer.Body, answer.ContentLength)
	if err == nil && int64(len(body)) > limit {
		err = answerTooLarge(limit)
	}
	return body, err
}

// answerTooLarge is fault.Internal: the callee's failure, not the caller's.
func answerTooLarge(limit int64) error {
	return fault.Internal.Errorf("the answer is larger than %d bytes; MaxAnswer of the route says how large one may be", limit)
}

// failureOf returns the error that an answer describes.
func failureOf(m outgoing, status int, header http.Header, body []byte) error {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if m.method == http.MethodHead {
		body = []byte(header.Get(wire.HeaderProblem))
	}
	if kind == fault.ProblemType {
		if f := wire.Document(body, status); f != nil {
			if f.RetryAfter == 0 {
				f.RetryAfter = retryAfter(header)
			}
			return wire.Bound(f, fmt.Sprintf("%s was answered with status %d", m.name, status))
		}
	}
	code := fault.FromHTTPStatus(status)
	switch {
	case code == 0:
		code = fault.Unknown // a redirect that is not followed
	case status == http.StatusNotFound && kind == fault.ProblemType && m.method == http.MethodHead:
		code = fault.NotFound // from another implementation: only a GET would show its document
	}
	f := code.Errorf("%s was answered with status %d", m.name, status).WithRetryAfter(retryAfter(header))
	if status < 400 {
		f.Message += ", and a redirect is followed for GET and HEAD alone, within one origin"
	}
	if code.HTTPStatus() != status && status >= 400 {
		f.Status = status
	}
	return f
}

// retryAfter reads both forms of the header, seconds and a date. It returns one day at
// most.
func retryAfter(header http.Header) time.Duration {
	const most = 24 * time.Hour
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), int(most/time.Second))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(time.Until(at), 0), most)
}
