package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/origin"
	"github.com/sinew-go/sinew/internal/redact"
)

// What is read of an answer at most, in bytes, where the route does not say. One
// that came packed may be a thousand times as large as what was sent.
const (
	maxAnswer   = 64 << 20
	maxUnpacked = 16 << 20
)

// deepestAnswer is how deep arrays and objects of an answer may lie in one another,
// which is as deep as encoding/json goes.
const deepestAnswer = 10_000

// maxTold is how much of what a callee says of a failure is kept, in bytes.
const maxTold = 4 << 10

var errNothing = errors.New("it is null, which is no answer")

// Remote calls the service at a base URL such as "http://10.0.0.1:8080", each call
// one attempt through client, http.DefaultClient when nil. What travels with a
// request does so here, too.
func Remote(baseURL string, client *http.Client) endpoint.Caller {
	if client == nil {
		client = http.DefaultClient
	}
	return at{baseURL, client}
}

type at struct {
	baseURL string
	client  *http.Client
}

// Call implements [endpoint.Caller].
func (a at) Call(ctx context.Context, op endpoint.Operation, send func(ctx context.Context, addr string) error) error {
	ctx, call := endpoint.WithCall(ctx, endpoint.Outgoing(ctx, op))
	call.Attempt = 1
	return send(ctx, a.baseURL)
}

// HTTPClient is what the attempts are made with.
func (a at) HTTPClient() *http.Client { return a.client }

// sender makes attempts.
type sender struct{ client *http.Client }

// clientOf is the client that c sends with.
func clientOf(c endpoint.Caller) *http.Client {
	if h, ok := c.(interface{ HTTPClient() *http.Client }); ok {
		return h.HTTPClient()
	}
	return http.DefaultClient
}

// following sends as client does, and follows redirects of GET and HEAD alone, and
// within the origin that was asked: what a request carries is meant for nobody else,
// nor would the answer of somebody else be that of the service.
func following(client *http.Client) sender {
	own := origin.Confine(client)
	within := own.CheckRedirect
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if m := via[0].Method; m != http.MethodGet && m != http.MethodHead {
			return http.ErrUseLastResponse
		}
		return within(r, via)
	}
	return sender{own}
}

// passing sends as client does, and takes a redirect for an answer.
func passing(client *http.Client) sender {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return sender{&own}
}

// fetch makes one attempt and decodes its answer into resp.
func (s sender) fetch(ctx context.Context, addr string, c *contract, m message, resp any) error {
	status, header, body, err := s.exchange(ctx, addr, &m, c.answerLimit)
	if err != nil {
		return err
	}
	if status >= 300 || status < 200 {
		return failure(m, status, header, body)
	}
	if c.answers == nil {
		return nil
	}
	err = inspect(body, c.read, false, deepestAnswer)
	if err == nil {
		err = json.Unmarshal(body, resp)
	}
	if err == nil && c.nothing(body) {
		err = errNothing
	}
	if err == nil {
		return nil
	}
	if text := err.Error(); len(text) > maxSaid { // it quotes what it cannot read
		err = errors.New(cut(text, maxSaid))
	}
	return fault.Internal.Errorf("the answer to %s cannot be read: %w", m.name, err)
}

// nothing says that an answer is null where only a value can be one. A list or map
// that is null has nothing in it.
func (c *contract) nothing(body []byte) bool {
	if string(bytes.TrimSpace(body)) != "null" || decodesItself(c.answers) {
		return false
	}
	switch c.answers.Kind() {
	case reflect.Interface, reflect.Slice, reflect.Map:
		return false
	}
	return true
}

// exchange sends the message and reads the whole answer, up to limit bytes; zero
// is the default.
func (s sender) exchange(ctx context.Context, addr string, m *message, limit int64) (status int, header http.Header, body []byte, err error) {
	var again again
	r, err := m.request(again.watched(ctx), addr)
	if err != nil {
		return 0, nil, nil, err
	}
	answer, err := s.client.Do(r)
	again.note(endpoint.OutgoingOf(ctx))
	if err != nil {
		return 0, nil, nil, broken(ctx, m.name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode < 200 { // nobody asked for another protocol
		return 0, nil, nil, fault.Internal.Errorf("%s was answered with status %d, which is no answer", m.name, answer.StatusCode)
	}
	if m.method == http.MethodHead { // the length that it tells is that of GET
		return answer.StatusCode, answer.Header, nil, nil
	}
	body, err = readAnswer(answer, limit)
	if err != nil {
		return 0, nil, nil, broken(ctx, m.name, err)
	}
	return answer.StatusCode, answer.Header, body, nil
}

func readAnswer(answer *http.Response, limit int64) ([]byte, error) {
	if answer.ContentLength == 0 {
		return nil, nil
	}
	switch {
	case limit > 0:
	case answer.Uncompressed:
		limit = maxUnpacked
	default:
		limit = maxAnswer
	}
	if answer.ContentLength > limit {
		return nil, tooLong(limit)
	}
	body, err := readUpTo(limit, answer.Body, answer.ContentLength)
	if err == nil && int64(len(body)) > limit {
		err = tooLong(limit)
	}
	return body, err
}

// tooLong is the callee's fault, and not that of whoever asked.
func tooLong(limit int64) error {
	return fault.Internal.Errorf("the answer is larger than %d bytes; MaxAnswer of the route says how large one may be", limit)
}

// broken is an exchange that came to no end.
func broken(ctx context.Context, name string, err error) error {
	code := fault.CodeOf(err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		code = fault.DeadlineExceeded
	case ctx.Err() != nil:
		code = fault.Canceled
	case code == fault.Unknown: // the connection ended in whatever way
		code = fault.Unavailable
	}
	service := "the service"
	if call := endpoint.CallOf(ctx); call != nil && call.Service != "" {
		service = call.Service
	}
	f := code.Errorf("%s gave no answer to %s", service, name).WithCause(redact.Error(err)) // its query may have secrets
	f.Unprocessed = fault.IsUnprocessed(err)
	return f
}

// failure is the error that an answer tells of.
func failure(m message, status int, header http.Header, body []byte) error {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if m.method == http.MethodHead {
		body = []byte(header.Get(headerProblem))
	}
	var p fault.Problem
	if kind == fault.ProblemType && json.Unmarshal(body, &p) == nil {
		p.Status = status
		f := p.Err()
		if f.Reason == unknownPath { // nobody looked for anything
			f.Code = fault.Unimplemented
		}
		if f.RetryAfter == 0 {
			f.RetryAfter = retryAfter(header)
		}
		// What is said goes into logs, and on to others.
		f.Message, f.Reason, f.Service = cut(f.Message, maxTold), cut(f.Reason, headertext.MaxLen), cut(f.Service, headertext.MaxLen)
		if f.Message == "" {
			f.Message = fmt.Sprintf("%s was answered with status %d", m.name, status)
		}
		return f
	}
	code := fault.FromHTTPStatus(status)
	switch {
	case code == 0:
		code = fault.Unknown // a redirect that is not followed
	case status == http.StatusNotFound && kind == fault.ProblemType && m.method == http.MethodHead:
		code = fault.NotFound // a foreign service has a document, which GET would bring
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

// retryAfter reads both forms of the header, seconds and a time, and trusts
// neither beyond a day.
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
