package rest_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew/transport/rest"
)

// A route speaks XML beside JSON, and one of its callers prefers XML.
func ExampleCodecs() {
	type Order struct {
		ID    string `json:"id" xml:"id,attr"`
		Total int    `json:"total" xml:"total"`
	}
	place := rest.Route[*Order, *Order]{Pattern: "POST /orders"}
	codec := rest.Codec{
		Name: "xml", MediaTypes: []string{"application/xml"}, Decode: xml.Unmarshal,
		Encode: func(buffer []byte, v any) ([]byte, error) {
			text, err := xml.Marshal(v)
			return append(buffer, text...), err
		},
	}

	mux := http.NewServeMux()
	place.Handle(rest.Codecs{codec}.Mux(mux), func(_ context.Context, o *Order) (*Order, error) {
		return &Order{ID: o.ID, Total: 2 * o.Total}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	caller := rest.Codecs{codec, rest.JSON()}.Caller(rest.Remote(server.URL, server.Client()))
	order, err := place.Endpoint(caller)(context.Background(), &Order{ID: "o-1", Total: 21})
	fmt.Println(order, err)
	// Output: &{o-1 42} <nil>
}
