package interop_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/gorilla/websocket"
	rpc "google.golang.org/grpc"
	grpcinterop "google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

// allMiddlewares are those of package middleware, in the order that it recommends.
func allMiddlewares() []func(http.Handler) http.Handler {
	return []func(http.Handler) http.Handler{
		middleware.RequestLog(slog.New(slog.DiscardHandler)),
		middleware.CORS{Origins: []string{"https://shop.example"}}.Middleware(),
		middleware.SecureHeaders{}.Middleware(),
		middleware.Compression{}.Middleware(),
		middleware.Decompression{}.Middleware(),
		middleware.ETag{}.Middleware(),
	}
}

// The tests of grpc-go end the process if one of them fails.
func TestCallsOfGRPCPassThroughEveryMiddleware(t *testing.T) {
	svc := started(t, func(svc *sinew.Service) {
		serveTestService(svc)
		svc.Use(allMiddlewares()...)
	})
	conn := connected(t, svc.URL()[len("http://"):])
	client := testpb.NewTestServiceClient(conn)
	for name, run := range map[string]func(context.Context, testpb.TestServiceClient, ...rpc.CallOption){
		"large unary":             grpcinterop.DoLargeUnaryCall,
		"client streaming":        grpcinterop.DoClientStreaming,
		"server streaming":        grpcinterop.DoServerStreaming,
		"ping pong":               grpcinterop.DoPingPong,
		"custom metadata":         grpcinterop.DoCustomMetadata,
		"status code and message": grpcinterop.DoStatusCodeAndMessage,
	} {
		t.Run(name, func(t *testing.T) { run(t.Context(), client) })
	}
	for name, option := range map[string]connect.ClientOption{"gRPC-Web": connect.WithGRPCWeb(), "Connect": connect.WithClientOptions()} {
		t.Run(name, func(t *testing.T) {
			defer http.DefaultClient.CloseIdleConnections()
			unary := connect.NewClient[testpb.SimpleRequest, testpb.SimpleResponse](http.DefaultClient, svc.URL()+"/grpc.testing.TestService/UnaryCall", option)
			got, err := unary.CallUnary(t.Context(), connect.NewRequest(&testpb.SimpleRequest{ResponseSize: 5000, Payload: body(5000)}))
			if err != nil || len(got.Msg.GetPayload().GetBody()) != 5000 {
				t.Errorf("a call is answered with %v, %v", got, err)
			}
			stream := connect.NewClient[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse](http.DefaultClient, svc.URL()+"/grpc.testing.TestService/StreamingOutputCall", option)
			all, err := stream.CallServerStream(t.Context(), connect.NewRequest(&testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 5000}, {Size: 1}}}))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for all.Receive() {
				n++
			}
			if all.Err() != nil || n != 2 {
				t.Errorf("%d messages arrive, %v; want 2", n, all.Err())
			}
			_ = all.Close()
		})
	}
}

func TestAWebSocketPassesThroughEveryMiddleware(t *testing.T) {
	upgrader := websocket.Upgrader{}
	url := serving(t, "GET /chat", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, from, err := c.NextReader()
		if err != nil {
			t.Error(err)
			return
		}
		text, _ := io.ReadAll(from)
		_ = c.WriteMessage(websocket.TextMessage, text)
	}), allMiddlewares()...)
	c, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(url, "http", "ws", 1)+"/chat", http.Header{"Accept-Encoding": {"gzip"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = answer.Body.Close()
	_ = c.WriteMessage(websocket.TextMessage, []byte("hello"))
	if _, text, err := c.ReadMessage(); err != nil || string(text) != "hello" {
		t.Errorf("%s, %v", text, err)
	}
}
