package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Reserve is the contract of one operation, for both sides.
var Reserve = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /inventory/{product_id}/reserve", Keyed: true}

type ReserveRequest struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

func (r *ReserveRequest) Validate() error {
	if r.Quantity < 1 {
		return errors.New("quantity must be at least 1")
	}
	return nil
}

type Stock struct {
	ProductID string `json:"product_id"`
	Available int    `json:"available"`
}

func Example() {
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(_ context.Context, r *ReserveRequest) (*Stock, error) {
		if r.ProductID != "p-1" {
			return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
		}
		return &Stock{ProductID: r.ProductID, Available: 10 - r.Quantity}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	ctx := context.Background()
	reserve := Reserve.Endpoint(rest.Remote(server.URL, server.Client()))
	stock, err := reserve(ctx, &ReserveRequest{ProductID: "p-1", Quantity: 3})
	fmt.Println(stock.Available, err)
	_, err = reserve(ctx, &ReserveRequest{ProductID: "p-9", Quantity: 3})
	fmt.Println(errors.Is(err, fault.NotFound), err)
	_, err = reserve(ctx, &ReserveRequest{ProductID: "p-1"})
	fmt.Println(err)
	// Output:
	// 7 <nil>
	// true not_found: no product has the id "p-9"
	// invalid_argument: quantity must be at least 1
}

// Resize is an operation that may be wrong in several ways at once.
var Resize = rest.Route[*ResizeRequest, *Stock]{Pattern: "PUT /inventory/{product_id}"}

type ResizeRequest struct {
	ProductID string `path:"product_id" json:"-"`
	DryRun    bool   `query:"dry_run" json:"-"`
	Least     int    `json:"least"`
	Most      int    `json:"most"`
}

func (r *ResizeRequest) Validate() error {
	var wrong []error
	if r.Least < 0 {
		wrong = append(wrong, fault.Violation{Pointer: "/least", Detail: "it must not be negative"})
	}
	if r.Most < r.Least {
		wrong = append(wrong, fault.Violation{Pointer: "/most", Detail: "it must not be less than least"})
	}
	return errors.Join(wrong...)
}

func ExampleRoute_violations() {
	mux := http.NewServeMux()
	Resize.Handle(mux, func(context.Context, *ResizeRequest) (*Stock, error) { return &Stock{}, nil })
	server := httptest.NewServer(mux)
	defer server.Close()

	resize := Resize.Endpoint(rest.Remote(server.URL, server.Client()))
	_, err := resize(context.Background(), &ResizeRequest{ProductID: "p-1", Least: -1, Most: -2})
	if refused, ok := errors.AsType[*fault.Error](err); ok {
		for _, v := range refused.Violations {
			fmt.Println(v.Pointer, v.Detail)
		}
	}
	// Output:
	// /least it must not be negative
	// /most it must not be less than least
}

// Order is the order of a list.
type Order string

func (Order) Enum() []string { return []string{"newest", "cheapest"} }

func ExampleEnumerator() {
	type ListRequest struct {
		Limit int   `query:"limit" default:"20" json:"-"`
		Order Order `query:"order" default:"newest" json:"-"`
	}
	mux := http.NewServeMux()
	rest.Route[*ListRequest, endpoint.None]{Pattern: "GET /products"}.Handle(mux, func(_ context.Context, r *ListRequest) (endpoint.None, error) {
		fmt.Println(r.Limit, r.Order)
		return endpoint.None{}, nil
	})
	for _, target := range []string{"/products", "/products?limit=5&order=cheapest", "/products?order=best"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		var p fault.Problem
		if json.Unmarshal(w.Body.Bytes(), &p) == nil {
			fmt.Println(p.Detail)
		}
	}
	// Output:
	// 20 newest
	// 5 cheapest
	// query parameter order: one of newest, cheapest is expected, not "best"
}

// Create is an operation that answers with a header and a cookie.
var Create = rest.Route[*NewProduct, *Created]{Pattern: "POST /products", Status: http.StatusCreated}

type NewProduct struct {
	Name string `json:"name"`
}

type Created struct {
	ID       string       `json:"id"`
	Location string       `header:"Location" json:"-"`
	Last     *http.Cookie `cookie:"last" json:"-"`
}

func ExampleRoute_headers() {
	mux := http.NewServeMux()
	Create.Handle(mux, func(context.Context, *NewProduct) (*Created, error) {
		return &Created{ID: "p-1", Location: "/products/p-1", Last: &http.Cookie{Value: "p-1", HttpOnly: true}}, nil
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	create := Create.Endpoint(rest.Remote(server.URL, server.Client()))
	created, err := create(context.Background(), &NewProduct{Name: "chair"})
	fmt.Println(created.ID, created.Location, created.Last, err)
	// Output: p-1 /products/p-1 last=p-1; HttpOnly <nil>
}

func ExampleOpenAPI() {
	mux := listing{ServeMux: http.NewServeMux()}
	Reserve.Forward(&mux, rest.Remote("http://10.0.0.1:8080", nil))
	doc := rest.OpenAPI("inventory", "1.0.0", mux.handlers...)
	for path := range doc["paths"].(map[string]any) {
		fmt.Println(doc["openapi"], path)
	}
	// Output: 3.1.0 /inventory/{product_id}/reserve
}

// listing is a mux that stores its handlers.
type listing struct {
	*http.ServeMux
	handlers []http.Handler
}

func (l *listing) Handle(pattern string, h http.Handler) {
	l.handlers = append(l.handlers, h)
	l.ServeMux.Handle(pattern, h)
}
