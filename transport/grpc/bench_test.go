package grpc_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/transport/grpc"
)

// bare is the service of tests on grpc-go.
type bare struct {
	testpb.UnimplementedTestServiceServer
}

func (bare) UnaryCall(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return answer(ctx, r)
}

func (bare) StreamingOutputCall(r *testpb.StreamingOutputCallRequest, s rpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	for _, p := range r.GetResponseParameters() {
		if err := s.Send(&testpb.StreamingOutputCallResponse{Payload: payload(int(p.GetSize()))}); err != nil {
			return err
		}
	}
	return nil
}

// startBare starts it, and returns its address.
func startBare(b *testing.B) string {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := rpc.NewServer()
	testpb.RegisterTestServiceServer(s, bare{})
	go func() { _ = s.Serve(l) }()
	b.Cleanup(s.Stop)
	return l.Addr().String()
}

func stubs(b *testing.B) testpb.TestServiceClient {
	b.Helper()
	c, err := rpc.NewClient(startBare(b), rpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return testpb.NewTestServiceClient(c)
}

// bareHTTP2 starts a server that answers 100 bytes over HTTP/2, and returns a function that
// asks it.
func bareHTTP2(b *testing.B) func(context.Context) error {
	b.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		_, _ = w.Write(text)
	}))
	server.Config.Protocols = &protocols
	server.Start()
	b.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
	b.Cleanup(client.CloseIdleConnections)
	body := make([]byte, 100)
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, bytes.NewReader(body))
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	}
}

// BenchmarkUnary is a round trip: of grpc-go, of net/http's HTTP/2 alone, of methods called
// with Remote, and of methods from a Client to a Service.
func BenchmarkUnary(b *testing.B) {
	request := &testpb.SimpleRequest{ResponseSize: 100, Payload: payload(100)}
	run := func(name string, call func(b *testing.B) func(context.Context) error) {
		b.Run(name+"/serial", func(b *testing.B) {
			do := call(b)
			b.ReportAllocs()
			for b.Loop() {
				if err := do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			do := call(b)
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := do(b.Context()); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
	run("grpc-go", func(b *testing.B) func(context.Context) error {
		c := stubs(b)
		return func(ctx context.Context) error {
			_, err := c.UnaryCall(ctx, request)
			return err
		}
	})
	run("net-http", bareHTTP2)
	run("remote", func(b *testing.B) func(context.Context) error {
		svc := service("stock", sinew.Config{})
		unary.Handle(svc, answer)
		start(b, svc)
		do := unary.Endpoint(grpc.Remote(svc.URL(), nil))
		return func(ctx context.Context) error {
			_, err := do(ctx, request)
			return err
		}
	})
	run("client", func(b *testing.B) func(context.Context) error {
		svc := service("stock", sinew.Config{})
		unary.Handle(svc, answer)
		start(b, svc)
		do := unary.Endpoint(callerOf(b, svc, sinew.ClientPolicy{}))
		return func(ctx context.Context) error {
			_, err := do(ctx, request)
			return err
		}
	})
}

// BenchmarkStream is a stream of 10,000 messages.
func BenchmarkStream(b *testing.B) {
	request := &testpb.StreamingOutputCallRequest{}
	for range 10_000 {
		request.ResponseParameters = append(request.ResponseParameters, &testpb.ResponseParameters{Size: 100})
	}
	b.Run("grpc-go", func(b *testing.B) {
		c := stubs(b)
		b.ReportAllocs()
		for b.Loop() {
			s, err := c.StreamingOutputCall(b.Context(), request)
			if err != nil {
				b.Fatal(err)
			}
			for n := 0; ; n++ {
				if _, err := s.Recv(); err != nil {
					if n != 10_000 {
						b.Fatal(n, err)
					}
					break
				}
			}
		}
	})
	b.Run("client", func(b *testing.B) {
		_, c := serving(b, sinew.Config{})
		do := download.Endpoint(c)
		b.ReportAllocs()
		for b.Loop() {
			if n, err := total(do(b.Context(), request)); n != 1_000_000 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}
