package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type sentFile struct {
	Body io.Reader `body:""`
}

var sendFile = rest.Route[sentFile, endpoint.None]{Pattern: "PUT /file", MaxBody: 1 << 20}

func TestABodyThatIsReadAfterItsHandlerHasReturnedFails(t *testing.T) {
	for _, protocol := range []string{"HTTP/1", "HTTP/2"} {
		answered, result := make(chan struct{}), make(chan error, 1)
		mux := http.NewServeMux()
		sendFile.Handle(mux, func(_ context.Context, f sentFile) (endpoint.None, error) {
			go func() {
				<-answered
				_, err := io.ReadAll(f.Body)
				result <- err
			}()
			return endpoint.None{}, nil
		})
		server := startProtocol(t, mux, protocol == "HTTP/2")
		_, err := sendFile.Endpoint(rest.Remote(server.URL, server.Client()))(t.Context(), sentFile{strings.NewReader(strings.Repeat("x", 1000))})
		close(answered)
		if err != nil {
			t.Errorf("%s: %v", protocol, err)
		}
		if err := <-result; err == nil {
			t.Errorf("%s: a body is read to its end after the request was answered, want a failure", protocol)
		}
	}
}

// growing is a file to which more is written as soon as it is read.
type growing struct {
	*os.File
	grow func()
}

func (g *growing) Read(p []byte) (int, error) {
	g.grow()
	return g.File.Read(p)
}

func TestAFileThatChangesWhileItIsSent(t *testing.T) {
	var got string
	mux := http.NewServeMux()
	sendFile.Handle(mux, func(_ context.Context, f sentFile) (endpoint.None, error) {
		text, err := io.ReadAll(f.Body)
		got = string(text)
		return endpoint.None{}, err
	})
	caller, _ := serve(t, mux)
	for name, c := range map[string]struct {
		change func(path string)
		want   string
		fails  bool
	}{
		"it grows": {func(path string) {
			f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			_, _ = f.WriteString("more")
			_ = f.Close()
		}, "before", false},
		"it shrinks": {func(path string) { _ = os.Truncate(path, 3) }, "", true},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sendFile.Endpoint(caller)(t.Context(), sentFile{&growing{f, func() { c.change(path) }}})
		_ = f.Close()
		switch {
		case c.fails && fault.CodeOf(err) != fault.InvalidArgument:
			t.Errorf("%s: got %v, want invalid_argument: it is the caller's file", name, err)
		case !c.fails && (err != nil || got != c.want):
			t.Errorf("%s: the callee got %q and the caller %v, want %q", name, got, err, c.want)
		}
	}
}

// startProtocol serves h over HTTP/1 or HTTP/2.
func startProtocol(t *testing.T, h http.Handler, isHTTP2 bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	t.Cleanup(server.Close)
	if isHTTP2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	return server
}
