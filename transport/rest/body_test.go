package rest_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestABodyIsReadCompletelyOrRefused(t *testing.T) {
	type request struct {
		Text string `json:"text"`
	}
	const frame = len(`{"text":""}`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat("x", rapid.IntRange(0, 5000).Draw(t, "size"))
		limit := rapid.SampledFrom([]int64{int64(len(text) + frame - 1), int64(len(text) + frame), 1 << 20, math.MaxInt64}).Draw(t, "limit")
		var body io.Reader = strings.NewReader(`{"text":"` + text + `"}`)
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			body = iotest.DataErrReader(body)
		case 1:
			body = iotest.HalfReader(body)
		}
		got := ""
		mux := http.NewServeMux()
		rest.Route[*request, endpoint.None]{Pattern: "POST /x", MaxBody: limit}.Handle(mux, func(_ context.Context, r *request) (endpoint.None, error) { got = r.Text; return endpoint.None{}, nil })
		r := httptest.NewRequest("POST", "/x", body)
		r.Header.Set("Content-Type", "application/json")
		// A middleware that decodes a body may leave its Content-Length.
		r.ContentLength = rapid.SampledFrom([]int64{-1, 1, int64(len(text) + frame), 1 << 19}).Draw(t, "declared")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		over := int64(len(text)+frame) > limit || r.ContentLength > limit
		if over && w.Code != 413 || !over && (w.Code != 204 || got != text) {
			t.Fatalf("%d %s; got %d of %d bytes", w.Code, w.Body, len(got), len(text))
		}
	})
}

func TestAnAnswerIsReadCompletely(t *testing.T) {
	for _, size := range []int{0, 511, 512, 5000, 3 << 20} {
		want := &Stock{ProductID: strings.Repeat("x", size)}
		for _, chunked := range []bool{true, false} {
			caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				text := bytes.Replace([]byte(`{"product_id":"@"}`), []byte("@"), []byte(want.ProductID), 1)
				if chunked {
					w.(http.Flusher).Flush()
				} else {
					w.Header()["Content-Length"] = []string{strconv.Itoa(len(text))}
				}
				_, _ = w.Write(text)
			}))
			got, err := Reserve.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
			if err != nil || *got != *want {
				t.Errorf("%d, chunked %v: %v", size, chunked, err)
			}
		}
	}
}
