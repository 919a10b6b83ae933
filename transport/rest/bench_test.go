package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

func BenchmarkRoundTrip(b *testing.B) {
	stock := func(_ context.Context, r *ReserveRequest) (*Stock, error) { return &Stock{ProductID: r.ProductID}, nil }
	unkeyed := Reserve
	unkeyed.Keyed = false
	b.Run("route", func(b *testing.B) { roundTrips(b, viaRoute(b, unkeyed, stock)) })
	b.Run("keyed", func(b *testing.B) { roundTrips(b, viaRoute(b, Reserve, stock)) })
	b.Run("hand", func(b *testing.B) { roundTrips(b, byHand(b, stock)) })
}

func roundTrips(b *testing.B, call endpoint.Endpoint[*ReserveRequest, *Stock]) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := call(b.Context(), &ReserveRequest{ProductID: "p", Quantity: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func viaRoute(b *testing.B, route rest.Route[*ReserveRequest, *Stock], f endpoint.Endpoint[*ReserveRequest, *Stock]) endpoint.Endpoint[*ReserveRequest, *Stock] {
	mux := http.NewServeMux()
	route.Handle(mux, f)
	caller, _ := serve(b, mux)
	return route.Endpoint(caller)
}

// byHand does with net/http and encoding/json what a careful author would: the same
// checks, the whole body read, no metadata.
func byHand(b *testing.B, f endpoint.Endpoint[*ReserveRequest, *Stock]) endpoint.Endpoint[*ReserveRequest, *Stock] {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /inventory/{product_id}/reserve", func(w http.ResponseWriter, r *http.Request) {
		var request ReserveRequest
		if r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "no JSON", http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = json.Unmarshal(body, &request)
		}
		request.ProductID = r.PathValue("product_id")
		if err = errors.Join(err, request.Validate()); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		stock, err := f(r.Context(), &request)
		if err == nil {
			body, err = json.Marshal(stock)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	return func(ctx context.Context, request *ReserveRequest) (*Stock, error) {
		body, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/inventory/"+url.PathEscape(request.ProductID)+"/reserve", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := server.Client().Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, errors.New(answer.Status)
		}
		if body, err = io.ReadAll(answer.Body); err != nil {
			return nil, err
		}
		stock := new(Stock)
		return stock, json.Unmarshal(body, stock)
	}
}

type benchOrder struct {
	ID       string      `json:"id"`
	Customer string      `json:"customer"`
	Items    []benchItem `json:"items"`
}

type benchItem struct {
	SKU   string `json:"sku"`
	Count int32  `json:"count"`
	Price int32  `json:"price"`
}

type benchReceipt struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Total int32  `json:"total"`
}

const benchBody = `{"id":"order-0001","customer":"customer-42","items":[{"sku":"red-shirt","count":2,"price":1999},` +
	`{"sku":"blue-jeans","count":1,"price":4999},{"sku":"socks","count":4,"price":799}]}`

// BenchmarkOrder measures a small request without a network: by the route, by the route
// with JSON of encoding/json alone, and by hand without any check.
func BenchmarkOrder(b *testing.B) {
	receipt := func(o *benchOrder) *benchReceipt { return &benchReceipt{o.ID, "accepted", int32(len(o.Items))} }
	for _, c := range []struct {
		name   string
		codecs rest.Codecs
	}{{"route", nil}, {"unmarshal", rest.Codecs{unmarshaling()}}} {
		mux := http.NewServeMux()
		rest.Route[*benchOrder, *benchReceipt]{Pattern: "POST /orders"}.
			Handle(c.codecs.Mux(mux), func(_ context.Context, o *benchOrder) (*benchReceipt, error) { return receipt(o), nil })
		b.Run(c.name, func(b *testing.B) { orders(b, mux) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var o benchOrder
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(receipt(&o))
	})
	b.Run("hand", func(b *testing.B) { orders(b, mux) })
}

func orders(b *testing.B, h http.Handler) {
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/orders", strings.NewReader(benchBody))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// BenchmarkValues measures a stream of ten thousand values, from a route to its endpoint.
func BenchmarkValues(b *testing.B) {
	route := rest.Route[endpoint.None, iter.Seq2[*Stock, error]]{Pattern: "GET /stock"}
	mux := http.NewServeMux()
	route.Handle(mux, func(context.Context, endpoint.None) (iter.Seq2[*Stock, error], error) {
		return func(yield func(*Stock, error) bool) {
			for range 10_000 {
				if !yield(&Stock{ProductID: "p"}, nil) {
					return
				}
			}
		}, nil
	})
	caller, _ := serve(b, mux)
	call := route.Endpoint(caller)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		all, err := call(b.Context(), endpoint.None{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range all {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkBody measures a body of a thousand lines: decoding it is one part of the cost,
// and the search for duplicate members another.
func BenchmarkBody(b *testing.B) {
	mux := http.NewServeMux()
	rest.Route[*basket, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *basket) (endpoint.None, error) { return endpoint.None{}, nil })
	body := []byte(`{"amount":1,"lines":[` + strings.Repeat(`{"sku":"a-long-name-of-a-thing","n":12345},`, 999) + `{"sku":"b","n":1}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/x", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			b.Fatal(w.Code, w.Body)
		}
	}
}
