package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

// page is a handler whose answer is worth compressing.
var page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, strings.Repeat("a table of oak, ", 100))
})

func Example() {
	svc := sinew.New("catalog", sinew.Config{Logger: slog.New(slog.DiscardHandler)})
	svc.Handle("GET /page", page)
	svc.Use(
		middleware.CORS{Origins: []string{"https://shop.example"}}.Middleware(),
		middleware.SecureHeaders{}.Middleware(),
		middleware.Compression{}.Middleware(),
		middleware.Decompression{}.Middleware(),
		middleware.ETag{}.Middleware(),
	)

	r := httptest.NewRequest("GET", "/page", nil)
	r.Header.Set("Accept-Encoding", "zstd, gzip")
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, r)
	fmt.Println(w.Header().Get("Content-Encoding"), w.Header().Get("X-Content-Type-Options"), w.Header().Get("Etag"))
	// Output: zstd nosniff W/"-_bd3GwCh11or0N9zwuuDQ"
}

func ExampleCORS() {
	mux := http.NewServeMux()
	mux.Handle("GET /page", page)
	h := middleware.CORS{Origins: []string{"https://*.shop.example"}}.Middleware()(mux)

	preflight := httptest.NewRequest("OPTIONS", "/page", nil)
	preflight.Header.Set("Origin", "https://admin.shop.example")
	preflight.Header.Set("Access-Control-Request-Method", "DELETE")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, preflight)
	fmt.Println(w.Code, w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Access-Control-Allow-Methods"))
	// Output: 204 https://admin.shop.example DELETE
}

func ExampleCompression() {
	h := middleware.Compression{MinSize: 512}.Middleware()(page)

	r := httptest.NewRequest("GET", "/page", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Header().Get("Content-Encoding"), w.Body.Len() < 100)
	// Output: gzip true
}

func ExampleDecompression() {
	type Note struct {
		Text string `json:"text"`
	}
	mux := http.NewServeMux()
	rest.Route[Note, endpoint.None]{Pattern: "POST /notes"}.Handle(mux, func(_ context.Context, n Note) (endpoint.None, error) {
		fmt.Println("read:", n.Text)
		return endpoint.None{}, nil
	})
	h := middleware.Decompression{MaxBody: 1 << 20}.Middleware()(mux)

	var body bytes.Buffer
	encoder := gzip.NewWriter(&body)
	_, _ = io.WriteString(encoder, `{"text":"buy a table"}`)
	_ = encoder.Close()
	r := httptest.NewRequest("POST", "/notes", &body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// read: buy a table
	// 204
}

func ExampleETag() {
	h := middleware.ETag{}.Middleware()(page)
	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest("GET", "/page", nil))

	r := httptest.NewRequest("GET", "/page", nil)
	r.Header.Set("If-None-Match", first.Header().Get("Etag"))
	again := httptest.NewRecorder()
	h.ServeHTTP(again, r)
	fmt.Println(first.Code, first.Body.Len(), again.Code, again.Body.Len())
	// Output: 200 1600 304 0
}

func ExampleSecureHeaders() {
	h := middleware.SecureHeaders{FrameOptions: "SAMEORIGIN", ContentSecurityPolicy: "frame-ancestors 'self'"}.Middleware()(page)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/page", nil))
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"} {
		fmt.Println(name+":", w.Header().Get(name))
	}
	// Output:
	// Content-Security-Policy: frame-ancestors 'self'
	// Referrer-Policy: no-referrer
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: SAMEORIGIN
}

func ExampleRequestLog() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "duration" || a.Key == "trace_id" { // which differ each time
			return slog.Attr{}
		}
		return a
	}}))
	mux := http.NewServeMux()
	mux.Handle("GET /pages/{name}", page)
	h := rest.ReadMetadata(rest.Verified)(middleware.RequestLog(log)(mux))

	r := httptest.NewRequest("GET", "/pages/tables?token=secret", nil)
	r.Header.Set("X-Request-Id", "r-1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output: level=INFO msg=request method=GET route="GET /pages/{name}" path=/pages/tables status=200 bytes=1600 request_id=r-1
}
