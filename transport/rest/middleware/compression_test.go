package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

var longText = strings.Repeat("a table of oak, ", 200)

// plain decodes text that has an encoding.
func plain(t *testing.T, encoding, text string) string {
	t.Helper()
	var from io.Reader = strings.NewReader(text)
	switch encoding {
	case "gzip":
		decoder, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		from = decoder
	case "zstd":
		decoder, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer decoder.Close()
		from = decoder
	}
	all, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func TestAnAnswerIsCompressedAsItsCallerAcceptsIt(t *testing.T) {
	onBoth(t, handleProducts, []layer{middleware.Compression{}.Middleware()}, func(t *testing.T, url string) {
		want := send(t, "GET", url+"/products/p-1", nil)
		for accepted, encoding := range map[string]string{"gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "br": "", "gzip;q=0": ""} {
			got := send(t, "GET", url+"/products/p-1", nil, "Accept-Encoding", accepted)
			if got.Header.Get("Content-Encoding") != encoding || got.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("who accepts %s gets %v", accepted, got.Header)
			}
			if plain(t, encoding, got.text) != want.text {
				t.Errorf("who accepts %s gets another answer", accepted)
			}
			if encoding != "" && len(got.text) > len(want.text)/4 {
				t.Errorf("%s makes %d bytes of %d", encoding, len(got.text), len(want.text))
			}
		}
	})
}

func TestWhatMustNotBeCompressedIsNot(t *testing.T) {
	answers := func(mux rest.Mux) {
		handleProducts(mux)
		answer := func(path string, status int, header ...string) {
			mux.Handle("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i < len(header); i += 2 {
					w.Header().Set(header[i], header[i+1])
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, longText)
			}))
		}
		answer("/events", 200, "Content-Type", "text/event-stream")
		answer("/exact", 200, "Content-Type", "text/plain", "Cache-Control", "private, No-Transform")
		answer("/encoded", 200, "Content-Type", "text/plain", "Content-Encoding", "br")
		answer("/part", 206, "Content-Type", "text/plain", "Content-Range", "bytes 0-3199/9999")
		answer("/image", 200, "Content-Type", "image/png")
		mux.Handle("GET /small", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "small") }))
		mux.Handle("GET /nothing", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	}
	onBoth(t, answers, []layer{middleware.Compression{}.Middleware()}, func(t *testing.T, url string) {
		for path, encoding := range map[string]string{"/events": "", "/exact": "", "/encoded": "br", "/part": "", "/image": "", "/small": "", "/nothing": "", "/products/p-9": ""} {
			got := send(t, "GET", url+path, nil, "Accept-Encoding", "gzip")
			if got.Header.Get("Content-Encoding") != encoding {
				t.Errorf("%s is sent as %q, want %q", path, got.Header.Get("Content-Encoding"), encoding)
			}
		}
		for _, header := range [][]string{{"Range", "bytes=0-9"}, {"Content-Type", "application/grpc"}, {"Content-Type", "application/connect+json"}} {
			if got := send(t, "GET", url+"/products/p-1", nil, append(header, "Accept-Encoding", "gzip")...); got.Header["Content-Encoding"] != nil {
				t.Errorf("a request with %v gets a compressed answer", header)
			}
		}
		if got := send(t, "HEAD", url+"/products/p-1", nil, "Accept-Encoding", "gzip"); got.Header["Content-Encoding"] != nil || got.StatusCode != 200 {
			t.Errorf("a HEAD is answered with %d and %v", got.StatusCode, got.Header)
		}
	})
}

func TestWhatIsFlushedArrivesAtOnce(t *testing.T) {
	for name, flush := range map[string]func(http.ResponseWriter){
		"by ResponseController": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"by http.Flusher":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	} {
		for _, kind := range []string{"text/event-stream", "text/plain"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				more := make(chan string)
				stream := func(mux rest.Mux) {
					mux.Handle("GET /events", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Content-Type", kind)
						w.WriteHeader(http.StatusOK)
						flush(w)
						for text := range more {
							_, _ = io.WriteString(w, text+"\n")
							flush(w)
						}
					}))
				}
				layers := []layer{
					middleware.RequestLog(servicetest.NoLog), middleware.SecureHeaders{}.Middleware(), middleware.Compression{}.Middleware(),
					middleware.Decompression{}.Middleware(), middleware.ETag{}.Middleware(),
				}
				onBoth(t, stream, layers, func(t *testing.T, url string) {
					more = make(chan string)
					r, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/events", nil)
					r.Header.Set("Accept-Encoding", "gzip, zstd")
					answer, err := http.DefaultClient.Do(r) // returns with the header
					if err != nil {
						t.Fatal(err)
					}
					defer answer.Body.Close()
					lines := bufio.NewScanner(answer.Body)
					for _, text := range []string{"one", "two"} {
						more <- text
						if !lines.Scan() || lines.Text() != text {
							t.Errorf("%q arrives as %q, %v", text, lines.Text(), lines.Err())
						}
					}
					close(more)
					if lines.Scan() || lines.Err() != nil {
						t.Errorf("the stream ends with %q, %v", lines.Text(), lines.Err())
					}
				})
			})
		}
	}
}

func TestAStreamThatBeginsWithBytesIsCompressedAndFlushed(t *testing.T) {
	more := make(chan string)
	stream := func(mux rest.Mux) {
		mux.Handle("GET /lines", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for text := range more {
				_, _ = io.WriteString(w, text+"\n")
				_ = http.NewResponseController(w).Flush()
			}
		}))
	}
	onBoth(t, stream, []layer{middleware.Compression{}.Middleware()}, func(t *testing.T, url string) {
		more = make(chan string, 1)
		more <- "one"
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/lines", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		decoder, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(decoder)
		for _, text := range []string{"one", "two"} {
			if text == "two" {
				more <- text
			}
			if !lines.Scan() || lines.Text() != text {
				t.Errorf("%q arrives as %q, %v", text, lines.Text(), lines.Err())
			}
		}
		close(more)
	})
}

func TestTheValuesOfAStreamArriveOneByOneThroughAllMiddlewares(t *testing.T) {
	streamed := rest.Route[endpoint.None, iter.Seq2[product, error]]{Pattern: "GET /stream"}
	more := make(chan string)
	register := func(mux rest.Mux) {
		streamed.Handle(mux, func(context.Context, endpoint.None) (iter.Seq2[product, error], error) {
			return func(yield func(product, error) bool) {
				for name := range more {
					if !yield(product{Name: name}, nil) {
						return
					}
				}
				yield(product{}, fault.ResourceExhausted.Errorf("no more"))
			}, nil
		})
	}
	layers := []layer{middleware.RequestLog(servicetest.NoLog), middleware.Compression{}.Middleware(), middleware.Decompression{}.Middleware(), middleware.ETag{}.Middleware()}
	onBoth(t, register, layers, func(t *testing.T, url string) {
		more = make(chan string, 1)
		more <- "table"
		stream, err := streamed.Endpoint(rest.Remote(url, nil))(t.Context(), endpoint.None{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for p, err := range stream {
			if err != nil {
				if !errors.Is(err, fault.ResourceExhausted) {
					t.Errorf("the stream ends with %v", err)
				}
				break
			}
			if names = append(names, p.Name); len(names) == 1 {
				more <- "chair"
				close(more)
			}
		}
		if !slices.Equal(names, []string{"table", "chair"}) {
			t.Errorf("it has %v", names)
		}
	})
}

func TestAPanicIsAnsweredWithAProblemThroughAllMiddlewares(t *testing.T) {
	broken := func(mux rest.Mux) {
		mux.Handle("GET /broken", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"1"`)
			panic("broken")
		}))
	}
	layers := []layer{middleware.Compression{}.Middleware(), middleware.ETag{}.Middleware(), middleware.RequestLog(servicetest.NoLog)}
	onBoth(t, broken, append([]layer{guard}, layers...), func(t *testing.T, url string) {
		got := send(t, "GET", url+"/broken", nil, "Accept-Encoding", "gzip")
		if got.StatusCode != 500 || !strings.Contains(got.text, `"code":"internal"`) || got.Header["Etag"] != nil {
			t.Errorf("got %d, %v, %s", got.StatusCode, got.Header, got.text)
		}
	})
}

// guard answers for a panic, as a Service does.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				rest.WriteError(w, errBroken)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func TestAStrongETagOfACompressedAnswerBecomesWeak(t *testing.T) {
	layers := []layer{middleware.Compression{}.Middleware(), middleware.ETag{}.Middleware()}
	onBoth(t, handleProducts, layers, func(t *testing.T, url string) {
		strong := send(t, "GET", url+"/products/p-1", nil).Header.Get("Etag")
		weak := send(t, "GET", url+"/products/p-1", nil, "Accept-Encoding", "zstd").Header.Get("Etag")
		if !strings.HasPrefix(strong, `"`) || weak != "W/"+strong {
			t.Errorf("the tags are %s and %s", strong, weak)
		}
		for _, tag := range []string{strong, weak, `"x", ` + weak, "*"} {
			for _, accepted := range []string{"identity", "zstd"} {
				got := send(t, "GET", url+"/products/p-1", nil, "Accept-Encoding", accepted, "If-None-Match", tag)
				if got.StatusCode != 304 || got.text != "" || got.Header["Content-Encoding"] != nil || got.Header.Get("Etag") != strong {
					t.Errorf("who knows %s and accepts %s gets %d and %v", tag, accepted, got.StatusCode, got.Header)
				}
			}
		}
	})
}

func compress(t testing.TB, encoding string, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var into io.WriteCloser
	switch encoding {
	case "gzip":
		into = gzip.NewWriter(&out)
	case "zstd":
		encoder, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		into = encoder
	}
	if _, err := into.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
