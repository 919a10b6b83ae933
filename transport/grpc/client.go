package grpc

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/redact"
	"github.com/sinew-go/sinew/internal/wire"
)

// maxProblemBytes bounds the document of an answer that is no answer of gRPC.
const maxProblemBytes = 64 << 10

// Remote returns a caller of the service at a base URL such as "http://10.0.0.1:8080".
// Each call is one attempt through client, which speaks HTTP/2; nil is a client of this
// package. Calls carry the same metadata as those of any other caller. The caller is safe
// for concurrent use.
func Remote(baseURL string, client *http.Client) call.Caller {
	if client == nil {
		client = defaultClient()
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

// HTTP2Client returns the client that sends the attempts.
func (a remote) HTTP2Client() *http.Client { return a.client }

// defaultClient speaks HTTP/2 with and without TLS. It pings a connection on which nothing
// arrives, since a stream to a callee that has vanished has no other end.
var defaultClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: wire.SpeakHTTP2(&http.Transport{IdleConnTimeout: 90 * time.Second, HTTP2: wire.Pings()})}
})

// sender sends the requests of connect to the instance of each attempt.
type sender struct{ client *http.Client }

// client returns the client of connect that calls the method through c.
func (c *contract) client(caller call.Caller) *connect.Client[message, message] {
	if absent.Is(caller) {
		refuse(c.op.Name, "the caller that shall call it is nil")
	}
	client := defaultClient()
	if h, ok := caller.(interface{ HTTP2Client() *http.Client }); ok {
		client = h.HTTP2Client()
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return connect.NewClient[message, message](sender{&own}, "http://instance"+c.op.Name, connect.WithGRPC(),
		connect.WithResponseInitializer(initialize(c.newResponse)), connect.WithReadMaxBytes(c.maxMessage),
		connect.WithAcceptCompression("gzip", newGunzip(c.maxMessage), newGzip))
}

// attempt is one attempt of a call.
type attempt struct {
	addr, key string
	metadata  http.Header                 // of the call; connect may send the request when the attempt is over
	failure   atomic.Pointer[fault.Error] // of an answer that is none of gRPC
	sent      chan struct{}               // closed when the request's header is sent; nil for one who does not wait
	answered  chan struct{}               // closed when the answer's header has arrived, or none will
	hasFailed atomic.Bool                 // no header has arrived, or one that says so
}

type attemptKey struct{}

// context returns ctx for a request of the attempt, and reads the metadata of the call.
func (a *attempt) context(ctx context.Context) context.Context {
	a.metadata = make(http.Header, 8)
	wire.Inject(ctx, a.metadata)
	return context.WithValue(ctx, attemptKey{}, a)
}

// refused returns the failure that the answer described without the words of gRPC.
func (a *attempt) refused() error {
	if f := a.failure.Load(); f != nil {
		return f
	}
	return nil
}

// Do implements [connect.HTTPClient].
func (s sender) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	a := ctx.Value(attemptKey{}).(*attempt)
	if a.answered != nil {
		defer close(a.answered)
	}
	at, err := url.Parse(strings.TrimSuffix(a.addr, "/") + r.URL.Path)
	if err != nil {
		a.hasFailed.Store(true)
		return nil, fault.Unavailable.Errorf("%s cannot be sent to the address %q: %w", r.URL.Path, redact.URL(a.addr), redact.Error(err)).WithUnprocessed()
	}
	r.URL, r.Host = at, ""
	if a.key != "" {
		r.Header[wire.HeaderKey] = []string{a.key}
	}
	maps.Copy(r.Header, a.metadata)
	if a.sent != nil {
		var once sync.Once
		r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { once.Do(func() { close(a.sent) }) }}))
	}
	answer, err := s.client.Do(r)
	if err != nil {
		a.hasFailed.Store(true)
		return nil, err
	}
	if a.answered != nil { // net/http does not see the end of ctx while it waits for the next request of a stream
		context.AfterFunc(ctx, func() { _ = answer.Body.Close() })
	}
	if answer.StatusCode != http.StatusOK {
		a.failure.Store(readProblem(r.URL.Path, answer))
		a.hasFailed.Store(true)
	}
	if code := answer.Header.Get("Grpc-Status"); code != "" && code != "0" {
		a.hasFailed.Store(true)
	}
	return answer, nil
}

// readProblem returns the failure in an answer that is none of gRPC. What it reads of the
// body is lost.
func readProblem(name string, answer *http.Response) *fault.Error {
	otherwise := fmt.Sprintf("%s was answered with HTTP status %d and not with gRPC", name, answer.StatusCode)
	if strings.HasPrefix(answer.Header.Get("Content-Type"), fault.ProblemType) {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblemBytes))
		if f := wire.Document(text, answer.StatusCode); f != nil {
			return wire.Bound(f, otherwise)
		}
	}
	code := fault.FromHTTPStatus(answer.StatusCode)
	if code == 0 {
		code = fault.Unknown // a redirect
	}
	return code.Errorf("%s", otherwise)
}

func errNoRequest(name string) error {
	return fault.InvalidArgument.Errorf("%s: the request is nil", name)
}

func errNoMessage(name string) error {
	return fault.Internal.Errorf("%s: a message in the stream is nil", name)
}

func errNoAnswer(name string) error {
	return fault.Internal.Errorf("%s answered nothing: return a message, or an error", name)
}
