package rest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// Watch streams the states of an order.
var Watch = rest.Route[*WatchRequest, iter.Seq2[rest.Event[State], error]]{Pattern: "GET /parcels/{id}/events"}

type WatchRequest struct {
	ID   string `path:"id" json:"-"`
	Seen string `header:"Last-Event-ID" json:"-"`
}

type State struct {
	Place string `json:"place"`
}

func Example_stream() {
	mux := http.NewServeMux()
	Watch.Handle(mux, func(context.Context, *WatchRequest) (iter.Seq2[rest.Event[State], error], error) {
		return func(yield func(rest.Event[State], error) bool) {
			_ = yield(rest.Event[State]{ID: "1", Data: State{"depot"}}, nil) &&
				yield(rest.Event[State]{ID: "2", Data: State{"door"}}, nil)
		}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	watch := Watch.Endpoint(rest.Remote(server.URL, server.Client()))
	events, err := watch(context.Background(), &WatchRequest{ID: "7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range events {
		fmt.Println(e.ID, e.Data.Place, err)
	}
	// Output:
	// 1 depot <nil>
	// 2 door <nil>
}

func ExampleFollow() {
	places, connections := []string{"depot", "van", "door"}, 0
	mux := http.NewServeMux()
	Watch.Handle(mux, func(_ context.Context, r *WatchRequest) (iter.Seq2[rest.Event[State], error], error) {
		connections++
		return func(yield func(rest.Event[State], error) bool) {
			seen, _ := strconv.Atoi(r.Seen)
			for i, place := range places[seen:] {
				id := strconv.Itoa(seen + i + 1)
				if !yield(rest.Event[State]{ID: id, Data: State{place}, Retry: 100 * time.Millisecond}, nil) {
					return
				}
				if connections == 1 {
					panic(http.ErrAbortHandler) // the connection is cut
				}
			}
		}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	watch := Watch.Endpoint(rest.Remote(server.URL, server.Client()))
	for e, err := range rest.Follow(context.Background(), watch, &WatchRequest{ID: "7"}) {
		fmt.Println(e.ID, e.Data.Place, err)
	}
	fmt.Println(connections, "connections")
	// Output:
	// 1 depot <nil>
	// 2 van <nil>
	// 3 door <nil>
	// 2 connections
}

// Upload and Download move files of any size, without one of them in memory.
var (
	Upload   = rest.Route[*NewFile, endpoint.None]{Pattern: "PUT /documents/{name}", MaxBody: 1 << 30}
	Download = rest.Route[*FileRequest, *File]{Pattern: "GET /documents/{name}"}
)

type NewFile struct {
	Name string    `path:"name" json:"-"`
	Body io.Reader `body:"application/pdf, image/*"`
}

type FileRequest struct {
	Name  string `path:"name" json:"-"`
	Range string `header:"Range" json:"-"`
}

type File struct {
	ETag        string        `header:"ETag" json:"-"`
	ChangedAt   time.Time     `header:"Last-Modified" json:"-"`
	Disposition string        `header:"Content-Disposition" json:"-"`
	Body        io.ReadCloser `body:"application/pdf, image/*"`
}

// memoryFile stands for an *os.File.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func Example_files() {
	var text []byte
	mux := http.NewServeMux()
	Upload.Handle(mux, func(_ context.Context, r *NewFile) (_ endpoint.None, err error) {
		text, err = io.ReadAll(r.Body)
		return endpoint.None{}, err
	})
	Download.Handle(mux, func(_ context.Context, r *FileRequest) (*File, error) {
		return &File{
			ETag:        `"1"`,
			Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": r.Name}),
			Body:        memoryFile{bytes.NewReader(text)},
		}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	ctx, caller := context.Background(), rest.Remote(server.URL, server.Client())
	if _, err := Upload.Endpoint(caller)(ctx, &NewFile{Name: "übersicht.pdf", Body: strings.NewReader("%PDF-1.7 ...")}); err != nil {
		fmt.Println(err)
	}
	file, err := Download.Endpoint(caller)(ctx, &FileRequest{Name: "übersicht.pdf", Range: "bytes=0-7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Body.Close()
	part, err := io.ReadAll(file.Body)
	_, params, _ := mime.ParseMediaType(file.Disposition)
	fmt.Println(params["filename"], string(part), err)
	// Output: übersicht.pdf %PDF-1.7 <nil>
}

// Submit accepts a form with files.
var Submit = rest.Route[Form, Receipt]{Pattern: "POST /claims", MaxBody: 100 << 20}

type Form struct {
	Parts rest.Parts `body:"multipart/form-data"`
}

type Receipt struct {
	Files int `json:"files"`
}

func ExampleParts() {
	mux := http.NewServeMux()
	Submit.Handle(mux, func(_ context.Context, form Form) (receipt Receipt, err error) {
		for part, err := range form.Parts {
			if err != nil {
				return receipt, err
			}
			if part.FileName != "" {
				receipt.Files++ // part.Content is read while it arrives
			}
		}
		return receipt, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	submit := Submit.Endpoint(rest.Remote(server.URL, server.Client()))
	receipt, err := submit(context.Background(), Form{Parts: func(yield func(*rest.Part, error) bool) {
		_ = yield(&rest.Part{Name: "reason", Content: strings.NewReader("hail")}, nil) &&
			yield(&rest.Part{Name: "photo", FileName: "roof.jpg", ContentType: "image/jpeg", Content: strings.NewReader("...")}, nil)
	}})
	fmt.Println(receipt.Files, err)
	// Output: 1 <nil>
}
