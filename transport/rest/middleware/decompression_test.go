package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

var errBroken = fault.Internal.Errorf("broken")

func TestACompressedBodyIsReadAsIfItWerePlain(t *testing.T) {
	onBoth(t, handleProducts, []layer{middleware.Decompression{}.Middleware()}, func(t *testing.T, url string) {
		for _, encoding := range []string{"gzip", "zstd"} {
			body := compress(t, encoding, []byte(`{"name":"chair","notes":"`+longText+`"}`))
			got := send(t, "PUT", url+"/products/p-1", bytes.NewReader(body), "Content-Type", "application/json", "Content-Encoding", strings.ToUpper(encoding))
			var p product
			if err := json.Unmarshal([]byte(got.text), &p); got.StatusCode != 200 || err != nil || p.Name != "chair" || p.Notes != longText {
				t.Errorf("%s: got %d, %.200s", encoding, got.StatusCode, got.text)
			}
		}
	})
}

func TestABodyThatBecomesTooLargeIsRefusedWith413(t *testing.T) {
	bomb := []byte(`{"name":"` + strings.Repeat("0", 8<<20) + `"}`)
	wide := rest.Route[*product, *product]{Pattern: "PUT /wide/{id}", MaxBody: 64 << 20}
	routes := func(mux rest.Mux) {
		handleProducts(mux)
		wide.Handle(mux, func(_ context.Context, p *product) (*product, error) { return p, nil })
		mux.Handle("PUT /raw", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); !ok || len(body) != int(tooLarge.Limit) {
				t.Errorf("a handler reads %d bytes, %v", len(body), err)
			}
		}))
	}
	onBoth(t, routes, []layer{middleware.Decompression{MaxBody: 4 << 20}.Middleware()}, func(t *testing.T, url string) {
		for _, encoding := range []string{"gzip", "zstd"} {
			body := compress(t, encoding, bomb)
			for path, limit := range map[string]string{"/products/p-1": "1048576", "/wide/p-1": "4194304", "/raw": ""} {
				got := send(t, "PUT", url+path, bytes.NewReader(body), "Content-Type", "application/json", "Content-Encoding", encoding)
				if path != "/raw" && (got.StatusCode != 413 || !strings.Contains(got.text, limit)) {
					t.Errorf("%s at %s: got %d, %s", encoding, path, got.StatusCode, got.text)
				}
			}
		}
	})
}

func TestABodyThatCannotBeDecompressedIsRefused(t *testing.T) {
	onBoth(t, handleProducts, []layer{middleware.Decompression{}.Middleware()}, func(t *testing.T, url string) {
		whole := string(compress(t, "gzip", []byte(`{"name":"chair"}`)))
		for _, c := range []struct {
			encoding, body string
			status         int
		}{
			{"gzip", `{"name":"chair"}`, 400},
			{"gzip", whole[:len(whole)-6], 400},
			{"gzip", "", 400},
			{"zstd", whole, 400},
			{"br", whole, 415},
			{"gzip, gzip", whole, 415},
		} {
			got := send(t, "PUT", url+"/products/p-1", strings.NewReader(c.body), "Content-Type", "application/json", "Content-Encoding", c.encoding)
			if got.StatusCode != c.status || got.Header.Get("Content-Type") != fault.ProblemType {
				t.Errorf("%q as %s: got %d, %s; want %d", c.body, c.encoding, got.StatusCode, got.text, c.status)
			}
		}
	})
}

func FuzzDecompression(f *testing.F) {
	const maxBody = 4 << 10
	for _, encoding := range []string{"gzip", "zstd"} {
		f.Add(encoding, compress(f, encoding, []byte("small")))
		f.Add(encoding, compress(f, encoding, bytes.Repeat([]byte("0"), maxBody+1)))
	}
	decompress := middleware.Decompression{MaxBody: maxBody}.Middleware()
	f.Fuzz(func(t *testing.T, encoding string, sent []byte) {
		for _, body := range []struct {
			sent    []byte
			encoded bool
		}{{sent, false}, {stored(t, sent), true}} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body.sent))
			if r.Header["Content-Encoding"] = []string{encoding}; body.encoded {
				r.Header["Content-Encoding"] = []string{"gzip"}
			}
			decompress(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				isDecoded := r.Header["Content-Encoding"] == nil
				if isDecoded && len(got) > maxBody {
					t.Errorf("a handler reads %d bytes, of at most %d", len(got), maxBody)
				}
				if !isDecoded && !bytes.Equal(got, body.sent) {
					t.Errorf("what is not decoded is changed")
				}
				if body.encoded && len(sent) <= maxBody && (err != nil || !bytes.Equal(got, sent)) {
					t.Errorf("%q is read as %q, %v", sent, got, err)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// stored returns text in the form of gzip, at no cost that would slow down fuzzing.
func stored(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	into, err := gzip.NewWriterLevel(&out, gzip.StatelessCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := into.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
