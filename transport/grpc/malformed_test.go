package grpc_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
)

func TestAMalformedRequestIsTheFaultOfItsCaller(t *testing.T) {
	mux := http.NewServeMux()
	serveTests(mux)
	message := frame(0, []byte{16, 3})
	for _, c := range []struct {
		what     string
		encoding string
		body     []byte
		want     fault.Code
	}{
		{"a frame without its message", "", message[:5], fault.InvalidArgument},
		{"half of a length", "", message[:3], fault.InvalidArgument},
		{"a length that lies", "", []byte{0, 0, 0, 1, 0, 16, 3}, fault.InvalidArgument},
		{"a length over the limit", "", []byte{0, 0xff, 0xff, 0xff, 0xff}, fault.ResourceExhausted},
		{"a compressed message that no header announces", "", frame(1, gzipped([]byte{16, 3})), fault.InvalidArgument},
		{"a message that is not compressed as announced", "gzip", frame(1, []byte("plain")), fault.InvalidArgument},
		{"a compressed message that is cut off", "gzip", frame(1, gzipped([]byte{16, 3})[:15]), fault.InvalidArgument},
		{"an unknown compression", "br", frame(1, []byte("x")), fault.Unimplemented},
		{"flags of a trailer", "", frame(0x80, []byte("grpc-status: 0\r\n")), fault.InvalidArgument},
		{"flags of an end", "", frame(2, []byte("{}")), fault.InvalidArgument},
		{"no protobuf", "", frame(0, []byte{0xff, 0xff, 0xff}), fault.InvalidArgument},
	} {
		for _, kind := range []string{"application/grpc", "application/grpc-web", "application/connect+proto"} {
			for _, path := range []string{unary.Name, download.Name, duplex.Name} {
				if strings.Contains(kind, "connect") == (path == unary.Name) {
					continue
				}
				got := ask(mux, path, map[string]string{"Content-Type": kind, "Grpc-Encoding": c.encoding, "Connect-Content-Encoding": c.encoding}, c.body)
				if got.code() != c.want || fault.CodeOf(got.failure) != c.want || got.Code >= 500 {
					t.Errorf("%s: %s of %s is answered with HTTP %d and %d, and the server sees %v; want %v", kind, c.what, path, got.Code, got.code(), got.failure, c.want)
				}
			}
		}
	}
}

// zeros is a compressed text of so many MiB.
func zeros(mebibytes int) []byte { return slices.Repeat(gzipped(make([]byte, 1<<20)), mebibytes) }

func TestABombIsNotDecompressed(t *testing.T) {
	mux := http.NewServeMux()
	small := unary
	small.MaxMessage = 4 << 20
	small.Handle(mux, answer)
	bomb := zeros(100)
	for kind, body := range map[string][]byte{"application/grpc": frame(1, bomb), "application/grpc-web": frame(1, bomb), "application/proto": bomb} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := ask(mux, unary.Name, map[string]string{"Content-Type": kind, "Grpc-Encoding": "gzip", "Content-Encoding": "gzip"}, body)
		runtime.ReadMemStats(&after)
		if got.code() != fault.ResourceExhausted || fault.CodeOf(got.failure) != fault.ResourceExhausted {
			t.Errorf("%s: it is answered with %d %q", kind, got.code(), got.Body)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%s: it took %d MiB of memory", kind, used>>20)
		}
	}
}

func TestABombOfACalleeIsNotDecompressed(t *testing.T) {
	bomb := answering{
		status: 200, header: http.Header{"Content-Type": {"application/grpc"}, "Grpc-Encoding": {"gzip"}}, trailer: http.Header{"Grpc-Status": {"0"}},
		body: frame(1, zeros(100)),
	}
	n, err := total(download.Endpoint(callerThrough(bomb))(t.Context(), sizes(1)))
	if n != 0 || fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("it is read as %d bytes and %v", n, err)
	}
}

// endless is a body without an end that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 1<<30 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func TestOfAMessageOverTheLimitTheRestIsNotRead(t *testing.T) {
	mux := http.NewServeMux()
	serveTests(mux)
	for kind, start := range map[string]string{"application/grpc": "\x00\xff\xff\xff\xff", "application/proto": ""} {
		sent := &endless{}
		got := askReader(mux, unary.Name, map[string]string{"Content-Type": kind}, io.MultiReader(strings.NewReader(start), sent))
		if got.code() != fault.ResourceExhausted || sent.read > 64<<20 {
			t.Errorf("%s: answered with %v after %d MiB", kind, got.code(), sent.read>>20)
		}
	}
}

func TestAnUnknownMethodHasAStatusOnEveryWire(t *testing.T) {
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, answer)
	start(t, svc)
	for _, path := range []string{"/grpc.testing.TestService/Nothing", "/api.Nothing/Get"} {
		for kind, want := range map[string]int{"application/json": 404, "application/grpc-web": 404, "application/grpc": 200} {
			if status, body := post(t, svc.URL()+path, kind, []byte("{}")); status != want {
				t.Errorf("%s %s is answered with %d %s", kind, path, status, body)
			}
		}
	}
	_, err := empty.Endpoint(callerOf(t, svc, single))(t.Context(), &testpb.Empty{})
	if fault.CodeOf(err) != fault.Unimplemented {
		t.Errorf("our caller gets %v", err)
	}
	_, err = testpb.NewTestServiceClient(dial(t, svc)).EmptyCall(t.Context(), &testpb.Empty{})
	if got := fault.Code(statusCode(err)); got != fault.Unimplemented {
		t.Errorf("grpc-go gets %v", err)
	}
}

func TestAnExpiredCallIsNotRun(t *testing.T) {
	mux := http.NewServeMux()
	unary.Handle(mux, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		t.Error("it ran")
		return nil, nil
	})
	for _, kind := range []string{"application/grpc", "application/grpc-web", "application/proto"} {
		got := ask(mux, unary.Name, map[string]string{"Content-Type": kind, "Grpc-Timeout": "0n", "Connect-Timeout-Ms": "0"}, nil)
		if got.code() != fault.DeadlineExceeded || fault.CodeOf(got.failure) != fault.DeadlineExceeded {
			t.Errorf("%s: it is answered with HTTP %d and %d %s", kind, got.Code, got.code(), got.Body)
		}
	}
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, answer)
	start(t, svc)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, svc.URL()+unary.Name, http.NoBody)
	r.Header = http.Header{"Content-Type": {"application/grpc"}, "Grpc-Timeout": {"0n"}}
	w, err := http2Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	if w.StatusCode != http.StatusOK || w.Header.Get("Grpc-Status") != "4" {
		t.Errorf("a service answers with HTTP %d %v", w.StatusCode, w.Header)
	}
}

func TestABombOfHeadersIsRefused(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	client := http2Client()
	for _, length := range []int{100, 4 << 20} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, svc.URL()+unary.Name, strings.NewReader(string(frame(0, nil))))
		r.Header = http.Header{"Content-Type": {"application/grpc"}, "X-Bomb": slices.Repeat([]string{strings.Repeat("x", 100)}, length/100)}
		w, err := client.Do(r)
		if err != nil {
			if length == 100 {
				t.Errorf("a small header: %v", err)
			}
			continue
		}
		_ = w.Body.Close()
		if want := map[int]int{100: 200, 4 << 20: 431}[length]; w.StatusCode != want {
			t.Errorf("%d bytes of headers are answered with %d, want %d", length, w.StatusCode, want)
		}
	}
	if _, err := unary.Endpoint(callerOf(t, svc, single))(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Errorf("afterwards a call fails: %v", err)
	}
}
