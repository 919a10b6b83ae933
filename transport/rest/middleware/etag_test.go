package middleware_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

func TestAGETWhoseContentIsKnownIsAnsweredWith304(t *testing.T) {
	onBoth(t, handleProducts, []layer{middleware.ETag{}.Middleware()}, func(t *testing.T, url string) {
		first := send(t, "GET", url+"/products/p-1", nil)
		tag := first.Header.Get("Etag")
		if len(tag) < 20 || first.StatusCode != 200 || first.ContentLength != int64(len(first.text)) {
			t.Errorf("the first answer is %d with %v", first.StatusCode, first.Header)
		}
		if again := send(t, "GET", url+"/products/p-1", nil, "If-None-Match", tag); again.StatusCode != 304 || again.text != "" || again.Header.Get("Etag") != tag || again.Header["Content-Type"] != nil {
			t.Errorf("who knows it gets %d with %v", again.StatusCode, again.Header)
		}
		if other := send(t, "GET", url+"/products/p-1", nil, "If-None-Match", `"other"`); other.StatusCode != 200 || other.text != first.text {
			t.Errorf("who knows another gets %d", other.StatusCode)
		}
	})
}

func TestOnlySuccessesOfGETThatMayBeStoredGetATag(t *testing.T) {
	routes := func(mux rest.Mux) {
		handleProducts(mux)
		mux.Handle("GET /secret", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			_, _ = io.WriteString(w, "secret")
		}))
		mux.Handle("GET /large", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				_, _ = io.WriteString(w, longText)
			}
		}))
		mux.Handle("GET /tagged", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"7"`)
			_, _ = io.WriteString(w, "tagged")
		}))
	}
	onBoth(t, routes, []layer{middleware.ETag{MaxBody: 4 << 10}.Middleware()}, func(t *testing.T, url string) {
		for path, text := range map[string]string{"/secret": "secret", "/large": strings.Repeat(longText, 5)} {
			if got := send(t, "GET", url+path, nil, "If-None-Match", "*"); got.StatusCode != 200 || got.text != text || got.Header["Etag"] != nil {
				t.Errorf("%s is answered with %d and %v", path, got.StatusCode, got.Header)
			}
		}
		if got := send(t, "GET", url+"/products/p-9", nil, "If-None-Match", "*"); got.StatusCode != 404 || got.Header["Etag"] != nil {
			t.Errorf("a failure is answered with %d and %v", got.StatusCode, got.Header)
		}
		if got := send(t, "PUT", url+"/products/p-1", strings.NewReader(`{}`), "Content-Type", "application/json", "If-None-Match", "*"); got.StatusCode != 200 || got.Header["Etag"] != nil {
			t.Errorf("a PUT is answered with %d and %v", got.StatusCode, got.Header)
		}
		if got := send(t, "GET", url+"/tagged", nil); got.Header.Get("Etag") != `"7"` || got.text != "tagged" {
			t.Errorf("a handler's own tag becomes %v", got.Header)
		}
		if got := send(t, "GET", url+"/tagged", nil, "If-None-Match", `W/"7"`); got.StatusCode != 304 || got.text != "" {
			t.Errorf("who knows a handler's own tag gets %d and %q", got.StatusCode, got.text)
		}
	})
}

func TestIfMatchNamesTheTagThatTheMiddlewareGives(t *testing.T) {
	routes := func(mux rest.Mux) {
		mux.Handle("GET /file", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader("a file"))
		}))
		mux.Handle("GET /tagged", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"7"`)
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("tagged"))
		}))
		mux.Handle("GET /weak", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `W/"7"`)
			_, _ = io.WriteString(w, "weak")
		}))
		mux.Handle("GET /none", http.NotFoundHandler())
	}
	onBoth(t, routes, []layer{middleware.ETag{}.Middleware()}, func(t *testing.T, url string) {
		tag := send(t, "GET", url+"/file", nil).Header.Get("Etag")
		for _, c := range []struct {
			path, match string
			want        int
		}{
			{"/file", tag, 200},
			{"/file", `"other", ` + tag, 200},
			{"/file", "*", 200},
			{"/file", `"other"`, 412},
			{"/file", "W/" + tag, 412},
			{"/tagged", `"7"`, 200},
			{"/tagged", `"8"`, 412},
			{"/weak", `W/"7"`, 412},
			{"/weak", "*", 200},
			{"/none", `"other"`, 404},
		} {
			got := send(t, "GET", url+c.path, nil, "If-Match", c.match, "If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")
			if got.StatusCode != c.want {
				t.Errorf("%s with If-Match %s: got status %d, want %d", c.path, c.match, got.StatusCode, c.want)
			}
			if kind := got.Header.Get("Content-Type"); c.want == 412 && (kind != "application/problem+json" || got.Header["Etag"] != nil) {
				t.Errorf("%s with If-Match %s: the refusal is of type %q with %v, want a problem document without a tag", c.path, c.match, kind, got.Header)
			}
		}
		if got := send(t, "GET", url+"/file", nil, "If-Match", tag, "If-None-Match", tag); got.StatusCode != 304 {
			t.Errorf("with both conditions: got status %d, want 304", got.StatusCode)
		}
	})
}
