package gin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

// serve serves a handler on a socket and returns its URL.
func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server.URL
}

type key struct{}

func TestMiddlewaresOfGinRunAroundARoute(t *testing.T) {
	var steps []string
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		steps = append(steps, "before")
		c.Set("user", "ann")
		c.Set(key{}, 7)
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), key{}, "hidden by Set"))
		c.Next()
		steps = append(steps, fmt.Sprint("after ", c.Writer.Status(), " ", c.Writer.Size(), " ", c.FullPath(), " ", c.Param("id")))
	})
	auth := func(c *gin.Context) {
		if c.GetHeader("Authorization") == "" {
			c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "who are you?"})
		}
	}
	mux := sinewgin.On(engine.Group("/v1", auth))
	rest.Route[byID, string]{Pattern: "GET /orders/{id}"}.Handle(mux, func(ctx context.Context, _ byID) (string, error) {
		steps = append(steps, fmt.Sprintln(ctx.Value("user"), ctx.Value(key{}), ctx.Value("nobody"), call.Of(ctx).Operation.Name))
		return "", fault.NotFound.Errorf("no order")
	})
	got := ask(t, engine, "GET /v1/orders/7\nAuthorization: me")
	want := []string{"before", "ann 7 <nil> GET /v1/orders/{id}\n", fmt.Sprintf("after 404 %d /v1/orders/:id 7", len(got.body))}
	if strings.Join(steps, "\n") != strings.Join(want, "\n") || got.status != 404 {
		t.Errorf("the steps are %q, want %q; the answer is %s", steps, want, got)
	}
	steps = nil
	if got := ask(t, engine, "GET /v1/orders/7"); got.status != 401 || len(steps) != 2 || !strings.Contains(got.body, "who are you?") {
		t.Errorf("without Authorization: %s, steps %q", got, steps)
	}
}

// What an endpoint has started and left behind sees neither the values of the next request,
// for which Gin uses its context again, nor what middlewares set afterwards.
func TestAContextThatOutlivesItsRequestHasTheValuesOfItsEndpoint(t *testing.T) {
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		c.Set("user", c.Query("note"))
		c.Next()
		c.Set("user", "nobody")
	})
	var all []context.Context
	rest.Route[byID, endpoint.None]{Pattern: "GET /orders/{id}"}.Handle(sinewgin.On(engine), func(ctx context.Context, _ byID) (endpoint.None, error) {
		all = append(all, ctx)
		return endpoint.None{}, nil
	})
	ask(t, engine, "GET /orders/7?note=ann")
	ask(t, engine, "GET /orders/7?note=bob")
	if all[0].Value("user") != "ann" || all[1].Value("user") != "bob" {
		t.Errorf("the users are %v and %v", all[0].Value("user"), all[1].Value("user"))
	}
}

func TestTheLogOfGinHasStatusAndPathOfARoute(t *testing.T) {
	var log bytes.Buffer
	engine := gin.New()
	engine.Use(gin.LoggerWithConfig(gin.LoggerConfig{Output: &log, Formatter: func(p gin.LogFormatterParams) string {
		return fmt.Sprintln(p.StatusCode, p.Method, p.Path, p.BodySize)
	}}))
	mux := sinewgin.On(engine)
	show[*change](mux, "PUT /orders/{id}")
	rest.Route[byID, endpoint.None]{Pattern: "DELETE /orders/{id}"}.Handle(mux, func(context.Context, byID) (endpoint.None, error) { return endpoint.None{}, nil })
	ask(t, engine, "DELETE /orders/7")
	body := ask(t, engine, "PUT /orders/7\nContent-Type: application/json\n\n{\"quantity\":-3}").body
	if want := fmt.Sprintf("204 DELETE /orders/7 0\n400 PUT /orders/7 %d\n", len(body)); log.String() != want {
		t.Errorf("the log is %q, want %q", log.String(), want)
	}
}

func TestARouteAnswersForItsPanicItself(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	engine := gin.New()
	engine.Use(gin.CustomRecoveryWithWriter(io.Discard, func(*gin.Context, any) { t.Error("the panic reaches gin.Recovery") }))
	rest.Route[byID, endpoint.None]{Pattern: "GET /orders/{id}"}.Handle(sinewgin.On(engine), func(context.Context, byID) (endpoint.None, error) { panic("oops") })
	got := ask(t, engine, "GET /orders/7")
	if got.status != 500 || got.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(log.String(), "oops") {
		t.Errorf("the answer is %s, the log %q", got, log.String())
	}
}

func TestAnAbortedAnswerIsNoSuccess(t *testing.T) {
	abort := func(context.Context, byID) (endpoint.None, error) { panic(http.ErrAbortHandler) }
	for name, engine := range map[string]*gin.Engine{"plain": gin.New(), "with Recovery": gin.New()} {
		if name != "plain" {
			engine.Use(gin.RecoveryWithWriter(io.Discard))
		}
		rest.Route[byID, endpoint.None]{Pattern: "GET /orders/{id}"}.Handle(sinewgin.On(engine), abort)
		server := httptest.NewUnstartedServer(engine)
		server.Start()
		response, err := http.Get(server.URL + "/orders/7")
		if err == nil {
			_ = response.Body.Close()
		}
		if (err == nil) != (name != "plain") || err == nil && response.StatusCode != 500 {
			t.Errorf("%s: %v %v, want a broken connection, or 500 where Recovery answers", name, response, err)
		}
		server.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestTheWriterOfGinStillFlushesHijacksAndHasDeadlines(t *testing.T) {
	engine := gin.New()
	mux := sinewgin.On(engine)
	mux.Handle("GET /flush", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if f, ok := w.(http.Flusher); !ok {
			t.Error("the writer is no Flusher")
		} else {
			f.Flush()
		}
		if err := errors.Join(http.NewResponseController(w).SetReadDeadline(time.Time{}), http.NewResponseController(w).SetWriteDeadline(time.Time{})); err != nil {
			t.Errorf("deadlines: %v", err)
		}
	}))
	mux.Handle("GET /hijack", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
		_ = conn.Close()
	}))
	addr := serve(t, engine)
	for path, want := range map[string]string{"/flush": "first", "/hijack": "raw"} {
		response, err := http.Get(addr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != want || err != nil {
			t.Errorf("%s: %q %v, want %q", path, body, err, want)
		}
	}
}
