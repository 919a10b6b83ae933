package grpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// answering is a transport that answers each request the same.
type answering struct {
	status          int
	header, trailer http.Header
	body            []byte
}

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	go func() {
		defer context.AfterFunc(r.Context(), func() { _ = r.Body.Close() })()
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}()
	answer := &http.Response{
		StatusCode: a.status, Proto: "HTTP/2.0", ProtoMajor: 2, Header: a.header.Clone(), Trailer: http.Header{}, Request: r, ContentLength: -1,
	}
	answer.Body = &trailing{Reader: bytes.NewReader(a.body), end: func() {
		for name, values := range a.trailer {
			answer.Trailer[name] = values
		}
	}}
	return answer, nil
}

// trailing calls end when all is read.
type trailing struct {
	io.Reader
	end func()
}

func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		t.end()
	}
	return n, err
}

func (t *trailing) Close() error { return nil }

// checkFailure checks that err is a failure that a caller can use.
func checkFailure(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case !ok:
		t.Errorf("no fault: %v", err)
	case f.Code < fault.Canceled || f.Code > fault.Unauthenticated:
		t.Errorf("the code is %d", f.Code)
	case len(f.Message) > 5000 || len(f.Reason) > 200 || len(f.Service) > 200 || len(f.Violations) > 20:
		t.Errorf("it has %d, %d and %d bytes, and %d violations", len(f.Message), len(f.Reason), len(f.Service), len(f.Violations))
	case !utf8.ValidString(f.Message) || !utf8.ValidString(f.Reason) || !utf8.ValidString(f.Service):
		t.Errorf("it is no UTF-8: %q %q %q", f.Message, f.Reason, f.Service)
	case f.RetryAfter < 0 || f.RetryAfter > 24*time.Hour:
		t.Errorf("it asks for %s", f.RetryAfter)
	}
}

// callerThrough calls through a transport.
func callerThrough(t http.RoundTripper) call.Caller {
	return grpc.Remote("http://stock", &http.Client{Transport: t})
}

// callAll calls a method of each kind, and checks how it fails.
func callAll(t *testing.T, a answering) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c := callerThrough(a)
	_, err := unary.Endpoint(c)(ctx, &testpb.SimpleRequest{})
	checkFailure(t, err)
	_, err = total(download.Endpoint(c)(ctx, sizes(1)))
	checkFailure(t, err)
	_, err = upload.Endpoint(c)(ctx, yieldAll(&testpb.StreamingInputCallRequest{}))
	checkFailure(t, err)
	_, err = total(duplex.Endpoint(c)(ctx, yieldAll(sizes(1))))
	checkFailure(t, err)
}

func FuzzForeignAnswer(f *testing.F) {
	for _, seed := range []struct {
		over                                                                 uint16
		kind, encoding, grpcStatus, message, details, problem, wait, rawBody string
		early                                                                bool
	}{
		{0, "application/grpc", "", "0", "", "", "", "", string(frame(0, nil)), false},
		{0, "application/grpc+proto", "gzip", "5", "no%20such", "CAUSAnh4", `{"code":"not_found"}`, "100", string(frame(1, gzipped([]byte("x")))), true},
		{0, "application/grpc", "", "99", "%ff", "CA0", `{"code":"ok","retry_after":"-1s"}`, "-1", "", true},
		{0, "application/grpc", "", "99", "a%ffb", "", "", "", "", true},
		{0, "application/grpc", "br", "-1", "%", "%", "{", "x", "\x00\xff\xff\xff\xff", false},
		{204, "application/problem+json", "", "", "", "", "", "", `{"code":"not_found","reason":"unknown_path","detail":"?"}`, false},
		{300, "text/html", "", "", "", "", "", "", "<html>", false},
		{102, "", "", "14", "", "", "", "", "", false},
		{0, "application/json", "", "", "", "", "", "", "{}", false},
		{0, "application/grpc", "", "4294967295", "", "CAA", "", "99999999999", "", true},
	} {
		f.Add(seed.over, seed.kind, seed.encoding, seed.grpcStatus, seed.message, seed.details, seed.problem, seed.wait, seed.rawBody, seed.early)
	}
	f.Fuzz(func(t *testing.T, over uint16, kind, encoding, grpcStatus, message, details, problem, wait, body string, early bool) {
		words := http.Header{
			"Grpc-Status": {grpcStatus}, "Grpc-Message": {message}, "Grpc-Status-Details-Bin": {details}, "X-Problem": {problem}, "Grpc-Retry-Pushback-Ms": {wait},
		}
		a := answering{status: 200 + int(over)%400, header: http.Header{"Content-Type": {kind}, "Grpc-Encoding": {encoding}}, trailer: words, body: []byte(body)}
		if early {
			for name, values := range words {
				a.header[name] = values
			}
			a.trailer = nil
		}
		callAll(t, a)
	})
}
