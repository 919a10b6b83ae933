package rest

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// At calls the service at a base URL such as "http://10.0.0.1:8080", each call
// one attempt through client, http.DefaultClient when nil. What travels with a
// request does so here, too.
func At(baseURL string, client *http.Client) endpoint.Caller {
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

// following sends as client does, and follows redirects of GET and HEAD alone.
func following(client *http.Client) sender {
	own := *client
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if via[0].Method != http.MethodGet && via[0].Method != http.MethodHead {
			return http.ErrUseLastResponse
		}
		if client.CheckRedirect != nil {
			return client.CheckRedirect(r, via)
		}
		if len(via) >= 10 {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
	return sender{&own}
}

// passing sends as client does, and takes a redirect for an answer.
func passing(client *http.Client) sender {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return sender{&own}
}

// fetch makes one attempt and decodes its answer into resp.
func (s sender) fetch(ctx context.Context, addr string, c *contract, m message, resp any) error {
	status, header, body, err := s.exchange(ctx, addr, &m)
	if err != nil {
		return err
	}
	if status >= 300 || status < 200 {
		return failure(m, status, header, body)
	}
	if c.answers == nil {
		return nil
	}
	if err := json.Unmarshal(body, resp); err != nil {
		return fault.Internal.Errorf("the answer to %s cannot be read: %w", m.name, err)
	}
	return nil
}

// exchange sends the message and reads the whole answer.
func (s sender) exchange(ctx context.Context, addr string, m *message) (status int, header http.Header, body []byte, err error) {
	r, err := m.request(ctx, addr)
	if err != nil {
		return 0, nil, nil, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, nil, nil, broken(ctx, m.name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err = readAnswer(answer)
	if err != nil {
		return 0, nil, nil, broken(ctx, m.name, err)
	}
	return answer.StatusCode, answer.Header, body, nil
}

func readAnswer(answer *http.Response) ([]byte, error) {
	if answer.ContentLength > maxAnswer {
		return nil, fault.OutOfRange.Errorf("it is larger than %d bytes", maxAnswer)
	}
	if answer.ContentLength == 0 {
		return nil, nil
	}
	body, err := readUpTo(maxAnswer, answer.Body, answer.ContentLength)
	if err == nil && len(body) > maxAnswer {
		err = fault.OutOfRange.Errorf("it is larger than %d bytes", maxAnswer)
	}
	return body, err
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
	f := code.Errorf("%s gave no answer to %s", service, name).WithCause(err)
	f.Unprocessed = fault.IsUnprocessed(err)
	return f
}

// failure is the error that an answer tells of.
func failure(m message, status int, header http.Header, body []byte) error {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
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
		return f
	}
	code := fault.FromHTTPStatus(status)
	if code == 0 {
		code = fault.Unknown // a redirect that is not followed
	}
	f := code.Errorf("%s was answered with status %d", m.name, status).WithRetryAfter(retryAfter(header))
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
