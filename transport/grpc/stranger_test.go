package grpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// observed is the answer to a request, and what a server sees of its failure.
type observed struct {
	*httptest.ResponseRecorder
	failure error
}

// Failed implements rest.FailureObserver.
func (o *observed) Failed(err error) { o.failure = err }

// frame is a message in the framing of gRPC.
func frame(flags byte, message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message))), message...) //nolint:gosec // small
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text)
	_ = w.Close()
	return b.Bytes()
}

// ask sends h a request over HTTP/2, in memory.
func ask(h http.Handler, path string, header map[string]string, body []byte) *observed {
	return askReader(h, path, header, bytes.NewReader(body))
}

func askReader(h http.Handler, path string, header map[string]string, body io.Reader) *observed {
	r := httptest.NewRequest(http.MethodPost, "http://stock"+path, io.NopCloser(body))
	r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength = "HTTP/2.0", 2, 0, -1
	for name, value := range header {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	w := &observed{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	return w
}

// code returns the code in an answer of any wire, 0 for a success, and -1 if there is none.
func (o *observed) code() fault.Code {
	kind, text := o.Header().Get("Content-Type"), o.Body.Bytes()
	named := func(name string) fault.Code {
		if code, ok := fault.ParseCode(name); ok {
			return code
		}
		return -1
	}
	numbered := func(text string) fault.Code {
		n, err := strconv.Atoi(textproto.TrimString(text))
		if err != nil {
			return -1
		}
		return fault.Code(n)
	}
	switch {
	case o.Code >= 400 && len(text) == 0:
		return fault.FromHTTPStatus(o.Code)
	case o.Code >= 400:
		var p struct{ Code string }
		_ = json.Unmarshal(text, &p)
		return named(p.Code)
	case strings.HasPrefix(kind, "application/grpc-web"):
		for line := range strings.Lines(string(lastFrame(text))) {
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Grpc-Status") {
				return numbered(value)
			}
		}
		return numbered(o.Header().Get("Grpc-Status"))
	case strings.HasPrefix(kind, "application/grpc"):
		if status := o.Header().Get("Grpc-Status"); status != "" {
			return numbered(status)
		}
		return numbered(o.Header().Get(http.TrailerPrefix + "Grpc-Status"))
	case strings.HasPrefix(kind, "application/connect+"):
		var end struct{ Error *struct{ Code string } }
		if json.Unmarshal(lastFrame(text), &end) != nil {
			return -1
		}
		if end.Error != nil {
			return named(end.Error.Code)
		}
	}
	return 0
}

// lastFrame returns the payload of the last frame, which is no message.
func lastFrame(text []byte) (last []byte) {
	for len(text) >= 5 {
		n := 5 + int(binary.BigEndian.Uint32(text[1:]))
		if n > len(text) {
			return nil
		}
		last, text = text[5:n], text[n:]
	}
	return last
}

// serveMeekly serves methods that fail only if their caller does.
func serveMeekly(mux grpc.Mux) {
	type (
		request  = testpb.StreamingOutputCallRequest
		response = testpb.StreamingOutputCallResponse
	)
	unary.Handle(mux, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		return &testpb.SimpleResponse{}, nil
	})
	empty.Handle(mux, func(context.Context, *testpb.Empty) (*testpb.Empty, error) { return &testpb.Empty{}, nil })
	download.Handle(mux, func(context.Context, *request) iter.Seq2[*response, error] { return yieldAll(&response{}, &response{}) })
	upload.Handle(mux, sum)
	duplex.Handle(mux, func(_ context.Context, all iter.Seq2[*request, error]) iter.Seq2[*response, error] {
		return func(yield func(*response, error) bool) {
			for _, err := range all {
				if !yield(&response{}, err) || err != nil {
					return
				}
			}
		}
	})
}

func FuzzStranger(f *testing.F) {
	message := frame(0, []byte{16, 3})
	for _, seed := range []struct {
		method                            uint8
		kind, encoding, timeout, metadata string
		body                              []byte
	}{
		{0, "application/grpc", "", "", "", message},
		{1, "application/grpc+proto", "gzip", "0n", "x", frame(1, gzipped([]byte{16, 3}))},
		{2, "application/grpc-web+proto", "identity", "1S", "é", message[:4]},
		{3, "application/grpc-web", "br", "99999999H", "\x00", slices.Concat(message, message)},
		{4, "application/connect+proto", "", "5", "", frame(2, []byte("{}"))},
		{0, "application/json", "gzip", "-1", "{}", []byte(`{"responseSize":3}`)},
		{1, "application/proto", "", "", "\n", []byte{0xff, 0xff}},
		{2, "application/connect+json", "gzip", "1x", "", frame(1, []byte("x"))},
		{3, "application/grpc+json", "", "", "", frame(0x80, []byte("grpc-status: 3"))},
		{4, "text/plain", "", "", "", nil},
		{0, "application/grpc;x", "", "", "", []byte{0, 0xff, 0xff, 0xff, 0xff}},
		{0, "application/grpc", "", "", "", frame(0, []byte{26, 2, 18, 1, 0xff})},
		{0, "application/json; charset=\xff", "", "", "", []byte(`{"payload":{"body":"\ud800"}}`)},
	} {
		f.Add(seed.method, seed.kind, seed.encoding, seed.timeout, seed.metadata, seed.body)
	}
	mux := http.NewServeMux()
	serveMeekly(mux)
	paths := []string{unary.Name, empty.Name, download.Name, upload.Name, duplex.Name}
	f.Fuzz(func(t *testing.T, method uint8, kind, encoding, timeout, metadata string, body []byte) {
		got := ask(mux, paths[int(method)%len(paths)], map[string]string{
			"Content-Type": kind, "Grpc-Encoding": encoding, "Content-Encoding": encoding, "Connect-Content-Encoding": encoding,
			"Grpc-Timeout": timeout, "Connect-Timeout-Ms": timeout, "X-Request-Timeout": timeout,
			"X-Problem": metadata, "X-Request-Id": metadata, "Traceparent": metadata, "Connect-Protocol-Version": metadata, "Accept-Encoding": metadata,
		}, body)
		code := got.code()
		if code < 0 || code > fault.Unauthenticated || code == fault.Unknown || code == fault.Internal || got.Code >= 500 && got.Code != 501 && got.Code != 504 {
			t.Errorf("code %d, HTTP %d %v %q", code, got.Code, got.Header(), got.Body)
		}
		if got.failure == nil && code != 0 || code != 0 && fault.CodeOf(got.failure) != code || code == 0 && got.failure != nil {
			t.Errorf("the caller gets code %d, and the server sees %v", code, got.failure)
		}
	})
}
