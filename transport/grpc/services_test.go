package grpc_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
)

func TestHealthIsTheReadinessOfTheService(t *testing.T) {
	svc := service("stock", sinew.Config{})
	var broken atomic.Bool
	svc.AddReadinessCheck("database", func(context.Context) error {
		if broken.Load() {
			return fault.Unavailable.Errorf("gone")
		}
		return nil
	})
	serveTests(svc)
	start(t, svc)
	c := health.NewHealthClient(dial(t, svc))
	for _, name := range []string{"", "grpc.testing.TestService", "grpc.health.v1.Health"} {
		if got, err := c.Check(t.Context(), &health.HealthCheckRequest{Service: name}); err != nil || got.GetStatus() != health.HealthCheckResponse_SERVING {
			t.Errorf("%q is %v %v, want serving", name, got, err)
		}
	}
	if _, err := c.Check(t.Context(), &health.HealthCheckRequest{Service: "api.Nothing"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service is %v, want not found", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := c.Watch(ctx, &health.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []health.HealthCheckResponse_ServingStatus{health.HealthCheckResponse_SERVING, health.HealthCheckResponse_NOT_SERVING, health.HealthCheckResponse_SERVING} {
		broken.Store(want == health.HealthCheckResponse_NOT_SERVING)
		if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
			t.Errorf("%v %v, want %s", got, err, want)
		}
	}
}

func TestReflectionListsTheServices(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	s, err := reflection.NewServerReflectionClient(dial(t, svc)).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range got.GetListServicesResponse().GetService() {
		names = append(names, one.GetName())
	}
	if !slices.Contains(names, "grpc.testing.TestService") || !slices.Contains(names, "grpc.health.v1.Health") {
		t.Errorf("it lists %v", names)
	}
	_ = s.CloseSend()
	alpha, err := reflectionalpha.NewServerReflectionClient(dial(t, svc)).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := alpha.Send(&reflectionalpha.ServerReflectionRequest{MessageRequest: &reflectionalpha.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "grpc.testing.TestService"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := alpha.Recv(); err != nil || len(got.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("v1alpha describes nothing: %v %v", got, err)
	}
	_ = alpha.CloseSend()
}

func TestAPlainServeMuxHasHealthToo(t *testing.T) {
	mux := http.NewServeMux()
	serveTests(mux)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	c := serveMux(t, mux, protocols)
	if got, err := health.NewHealthClient(c).Check(t.Context(), &health.HealthCheckRequest{}); err != nil || got.GetStatus() != health.HealthCheckResponse_SERVING {
		t.Errorf("%v %v, want serving", got, err)
	}
	if got, err := testpb.NewTestServiceClient(c).UnaryCall(t.Context(), &testpb.SimpleRequest{ResponseSize: 3}); err != nil || len(got.GetPayload().GetBody()) != 3 {
		t.Errorf("%v %v, want 3 bytes", got, err)
	}
}

// serveMux serves mux alone, and connects grpc-go to it.
func serveMux(t *testing.T, mux *http.ServeMux, protocols *http.Protocols) *rpc.ClientConn {
	t.Helper()
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = protocols
	server.Start()
	t.Cleanup(server.Close)
	c, err := rpc.NewClient(server.Listener.Addr().String(), rpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestConnectIsSpokenInJSON(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	status, body := post(t, svc.URL()+unary.Name, "application/json", []byte(`{"responseSize":3}`))
	if status != http.StatusOK || !strings.Contains(string(body), base64.StdEncoding.EncodeToString([]byte{0, 0, 0})) {
		t.Errorf("%d %s", status, body)
	}
	status, body = post(t, svc.URL()+unary.Name, "application/json", []byte(`{"responseStatus":{"code":5,"message":"no such order"}}`))
	if status != http.StatusNotFound || !strings.Contains(string(body), `"code":"not_found"`) || !strings.Contains(string(body), "no such order") {
		t.Errorf("a failure is %d %s", status, body)
	}
	status, _ = post(t, svc.URL()+unary.Name, "application/json", []byte(`{"responseSize":`))
	if status != http.StatusBadRequest {
		t.Errorf("broken JSON is answered with %d", status)
	}
	status, _ = post(t, svc.URL()+unary.Name, "text/plain", []byte(`x`))
	if status != http.StatusUnsupportedMediaType {
		t.Errorf("text is answered with %d", status)
	}
}

func TestGRPCWebIsSpoken(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	message, _ := proto.Marshal(&testpb.SimpleRequest{ResponseSize: 3})
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // small
	status, body := post(t, svc.URL()+unary.Name, "application/grpc-web+proto", append(frame, message...))
	if status != http.StatusOK || len(body) < 5 {
		t.Fatalf("%d %q", status, body)
	}
	var got testpb.SimpleResponse
	n := binary.BigEndian.Uint32(body[1:5])
	if err := proto.Unmarshal(body[5:5+n], &got); err != nil || len(got.GetPayload().GetBody()) != 3 {
		t.Errorf("%v %v, want 3 bytes", &got, err)
	}
	if trailer := body[5+n:]; trailer[0] != 0x80 || !bytes.Contains(bytes.ToLower(trailer), []byte("grpc-status: 0")) {
		t.Errorf("the trailer is %q", trailer)
	}
}

func TestAStreamOfGRPCWebThatFailsWithoutAMessageSaysSo(t *testing.T) {
	svc := service("stock", sinew.Config{})
	download.Handle(svc, func(context.Context, *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			yield(nil, fault.ResourceExhausted.Errorf("too much"))
		}
	})
	start(t, svc)
	_, body := post(t, svc.URL()+download.Name, "application/grpc-web+proto", make([]byte, 5))
	if len(body) == 0 || body[0] != 0x80 || !bytes.Contains(bytes.ToLower(body), []byte("grpc-status: 8")) {
		t.Errorf("the body is %q; want trailers with grpc-status 8", body)
	}
}

// post sends a body over HTTP/1.
func post(t *testing.T, url, contentType string, body []byte) (status int, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, text
}
