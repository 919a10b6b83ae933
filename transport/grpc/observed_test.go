package grpc_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
)

func TestAServiceCountsAFailureOnEveryWire(t *testing.T) {
	for kind, c := range map[string]struct{ path, body string }{
		"application/grpc":          {unary.Name, string(frame(0, []byte{0xff}))},
		"application/grpc-web":      {unary.Name, string(frame(0, []byte{0xff}))},
		"application/json":          {unary.Name, "{"},
		"application/connect+proto": {download.Name, string(frame(0, []byte{0xff}))},
	} {
		name := "counted-" + strings.NewReplacer("/", "-", "+", "-").Replace(kind)
		svc := service(name, sinew.Config{Admin: "127.0.0.1:0"})
		serveTests(svc)
		start(t, svc)
		post(t, svc.URL()+c.path, kind, []byte(c.body))
		w, err := http.Get(svc.AdminURL() + "/metrics") //nolint:noctx,gosec // of the test's own service
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(w.Body)
		_ = w.Body.Close()
		if want := `code="invalid_argument",operation="` + c.path + `",service="` + name + `"} 1`; !strings.Contains(string(text), want) {
			t.Errorf("%s: no metric has %s", kind, want)
		}
	}
}
