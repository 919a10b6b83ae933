package rest_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/transport/rest"
)

func TestStreamsAndFilesTravelOverHTTP2(t *testing.T) {
	put := putFile
	put.MaxBody = -1
	mux := http.NewServeMux()
	put.Handle(mux, size)
	getFile.Handle(mux, func(context.Context, *download) (*content, error) {
		return &content{Type: "text/plain", Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 5<<20)))}, nil
	})
	watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) {
		return yields(nil, "placed", "paid"), nil
	})
	echoNotes.Handle(mux, func(_ context.Context, r imported) (iter.Seq2[note, error], error) { return r.Notes, nil })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("it is HTTP/%d", r.ProtoMajor)
		}
		mux.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := rest.Remote(server.URL, server.Client())
	got, err := put.Endpoint(c)(t.Context(), &upload{ID: "1", Body: io.LimitReader(endlessX{}, 5<<20)})
	if err != nil || got.Size != 5<<20 {
		t.Errorf("of 5 MiB %d bytes arrive, %v", got.Size, err)
	}
	file, err := getFile.Endpoint(c)(t.Context(), &download{ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, file.Body); err != nil || n != 5<<20 {
		t.Errorf("of a download of 5 MiB %d bytes arrive, %v", n, err)
	}
	file.Body.Close()
	seq, _ := watchPlain.Endpoint(c)(t.Context(), watch{ID: "1"})
	if all, err := states(seq); err != nil || strings.Join(all, " ") != "placed paid" {
		t.Errorf("the stream has %v, %v", all, err)
	}
	back := make(chan string, 1)
	echoes, err := echoNotes.Endpoint(c)(t.Context(), imported{func(yield func(note, error) bool) {
		for _, text := range []string{"a", "b"} {
			if !yield(note{text}, nil) || <-back != text {
				return
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for n, err := range echoes {
		if err != nil {
			t.Fatal(err)
		}
		all += n.Text
		back <- n.Text
	}
	if all != "ab" {
		t.Errorf("%q comes back, want ab", all)
	}
}

type endlessX struct{}

func (endlessX) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
