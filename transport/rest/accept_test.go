package rest_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew/transport/rest"
)

func TestARequestThatCameThroughAProxyIsNotFromThisMachine(t *testing.T) {
	for remote, want := range map[string]bool{
		"127.0.0.1:5": true, "[::1]:5": true, "[::ffff:127.0.0.1]:5": true, "10.0.0.1:5": true, "[::ffff:10.0.0.1]:5": true,
		"10.0.0.2:5": false, "@": false, "": false, "127.0.0.1": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}))
		r.RemoteAddr = remote
		if got := rest.SameMachine(r); got != want {
			t.Errorf("%s: %v", remote, got)
		}
		for _, name := range []string{"Forwarded", "X-Forwarded-For", "Via"} {
			r.Header = http.Header{name: {""}}
			if rest.SameMachine(r) {
				t.Errorf("%s with %s: taken for this machine", remote, name)
			}
		}
	}
}
