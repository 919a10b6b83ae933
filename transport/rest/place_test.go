package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAWrongTypeIsReportedWithTheSendersPath(t *testing.T) {
	type Line struct {
		Price int `json:"price"`
	}
	type Order struct {
		ID    string          `json:"id"`
		Lines []Line          `json:"lines"`
		By    map[string]Line `json:"by"`
		Order *Line           `json:"Order"`
	}
	type update struct {
		PathID string `path:"id" json:"-"`
		Order
	}
	mux := http.NewServeMux()
	rest.Route[*update, endpoint.None]{Pattern: "PUT /orders/{id}"}.Handle(mux, func(context.Context, *update) (endpoint.None, error) { return endpoint.None{}, nil })
	for _, c := range []struct {
		body string
		want string
	}{
		{body: `{"id":5}`, want: "id: "},
		{body: `{"lines":[{"price":"x"}]}`, want: "lines[0].price: "},
		{body: `{"by":{"a":{"price":{}}}}`, want: "by.a.price: "},
		{body: `{"Order":{"price":[]}}`, want: "Order.price: "},
		{body: `[]`, want: "the body: "},
	} {
		w := ask(mux, "PUT", "/orders/o-1", "application/json", c.body)
		if p := problemOf(t, w); w.Code != 400 || !strings.HasPrefix(p.Detail, c.want) {
			t.Errorf("%s: %d %q, want %q", c.body, w.Code, p.Detail, c.want)
		}
	}
}
