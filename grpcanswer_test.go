package sinew_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// askOverGRPC sends a request of gRPC to a handler, without a socket.
func askOverGRPC(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
	r.Header.Set("Content-Type", "application/grpc+proto")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestARefusalIsAStatusOfGRPCForItsCallers(t *testing.T) {
	svc := sinew.New("stock", sinew.Config{Addr: "127.0.0.1:0"})
	svc.Handle("POST /stock.Stock/Get", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rest.WriteError(w, fault.PermissionDenied.Errorf("100 %% no\n").WithReason("locked"))
	}))
	for path, want := range map[string][2]string{"/stock.Stock/Get": {"7", "100 %25 no%0A"}, "/stock.Stock/Nothing": {"12", "nothing is served at /stock.Stock/Nothing"}} {
		w := askOverGRPC(t, svc.Handler(), path)
		if got := [2]string{w.Header().Get("Grpc-Status"), w.Header().Get("Grpc-Message")}; got != want || w.Code != http.StatusOK {
			t.Errorf("%s is answered with HTTP %d and %q, want 200 and %q", path, w.Code, got, want)
		}
		if w.Body.Len() > 0 || w.Header().Get("Content-Type") != "application/grpc+proto" || w.Header().Get("X-Problem") == "" {
			t.Errorf("%s is answered with %v and %q", path, w.Header(), w.Body)
		}
	}
}

func TestAServiceSpeaksBothVersionsOfHTTPWithoutTLS(t *testing.T) {
	svc := sinew.New("stock", sinew.Config{Addr: "127.0.0.1:0"})
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = svc.Shutdown(t.Context()) }()
	for want, choose := range map[int]func(*http.Protocols){
		1: func(p *http.Protocols) { p.SetHTTP1(true) },
		2: func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		choose(transport.Protocols)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, svc.URL()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.ProtoMajor != want || answer.StatusCode != http.StatusOK {
			t.Errorf("HTTP/%d is answered with %s over HTTP/%d", want, answer.Status, answer.ProtoMajor)
		}
		transport.CloseIdleConnections()
	}
}
