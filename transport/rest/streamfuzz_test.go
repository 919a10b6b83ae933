package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// FuzzStreamedRequest holds that no body of a stranger is the service's failure.
func FuzzStreamedRequest(f *testing.F) {
	mux := http.NewServeMux()
	importNotes.Handle(mux, countNotes)
	summarize.Handle(mux, summaryOf)
	putFile.Handle(mux, size)
	paths := []string{"/notes", "/summary", "/files/1"}
	for i, seed := range [][2]string{
		{"application/x-ndjson", "{\"text\":\"a\"}\r\n\n{\"text\":"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\xff\"\r\n\r\n1\r\n--b--\r\n"},
		{"image/png; a=\"", "\x89PNG"},
		{"application/jsonl", "null\n{\"text\":\"\\ud800\"}\n"},
		{"multipart/form-data; boundary=b", "--b\nContent-Disposition: form-data; name=\"a\"\nContent-Transfer-Encoding: base64\n\n1\n--b\n"},
	} {
		f.Add(uint8(i), seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path uint8, kind, body string) {
		at := paths[int(path)%len(paths)]
		method := http.MethodPost
		if at == "/files/1" {
			method = http.MethodPut
		}
		r := httptest.NewRequestWithContext(t.Context(), method, at, struct{ io.Reader }{strings.NewReader(body)})
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%q of type %q is answered with %d %s", body, kind, w.Code, w.Body)
		}
	})
}

// FuzzStreamedAnswer holds that a hostile answer ends, and that what is wrong with it is a
// failure of the callee.
func FuzzStreamedAnswer(f *testing.F) {
	f.Add(false, "data: {\"status\":\"a\"}\r\n\r\nevent: end\rdata: {}\r\r")
	f.Add(false, "\xef\xbb\xbf: x\nevent: error\ndata: {\"status\":503,\"code\":\"unavailable\"}\n\n")
	f.Add(false, "id: 1\ndata\ndata\n\n")
	f.Add(true, "{\"status\":\"a\"}\n\n{\"error\":{\"status\":404}}")
	f.Add(true, "{\"status\":\"\\ud800\"}\n[")
	f.Fuzz(func(t *testing.T, isLines bool, body string) {
		kind := "text/event-stream"
		if isLines {
			kind = "application/jsonl"
		}
		client := &http.Client{Transport: answering{kind, body}}
		seq, err := watchPlain.Endpoint(rest.Remote("http://x", client))(context.Background(), watch{ID: "1"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for s, err := range seq {
			if n++; n > len(body)+1 {
				t.Fatalf("%q has more than %d values", body, len(body))
			}
			if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok || err == nil && s == nil {
				t.Errorf("%q has the value %v, %v", body, s, err)
			}
		}
	})
}

// answering answers each request with a body.
type answering struct{ kind, body string }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {a.kind}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: -1, Request: r}, nil
}
