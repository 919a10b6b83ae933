package interop_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	netsocket "golang.org/x/net/websocket"

	"github.com/sinew-go/sinew"
)

// serving starts a service with one handler, and returns its URL.
func serving(t *testing.T, pattern string, h http.Handler, wraps ...func(http.Handler) http.Handler) string {
	t.Helper()
	svc := sinew.New("chat", sinew.Config{Addr: "127.0.0.1:0", DrainDelay: -1})
	svc.Handle(pattern, h)
	svc.Use(wraps...)
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := svc.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return svc.URL()
}

// wrapped is a middleware's writer that unwraps to the one beneath.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func wrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapped{w}, r) })
}

func TestWebSocketsOfGorillaAreServed(t *testing.T) {
	upgrader := websocket.Upgrader{}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		kind, text, err := c.ReadMessage()
		if err == nil {
			err = c.WriteMessage(kind, text)
		}
		if err != nil {
			t.Error(err)
		}
	})
	for name, wraps := range map[string][]func(http.Handler) http.Handler{"plain": nil, "within a middleware": {wrapping}} {
		url := serving(t, "GET /chat", echo, wraps...)
		c, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(url, "http", "ws", 1)+"/chat", nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = answer.Body.Close()
		if err := c.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Error(err)
		}
		if _, text, err := c.ReadMessage(); err != nil || string(text) != "hello" || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%s: %d %s, %v", name, answer.StatusCode, text, err)
		}
		_ = c.Close()
	}
}

func TestWebSocketsOfXNetAreServed(t *testing.T) {
	url := serving(t, "GET /chat", netsocket.Handler(func(c *netsocket.Conn) { _, _ = io.Copy(c, c) }))
	c, err := netsocket.Dial(strings.Replace(url, "http", "ws", 1)+"/chat", "", url)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := errors.Join(netsocket.Message.Send(c, "hello"), netsocket.Message.Receive(c, &text), c.Close()); err != nil || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
}
