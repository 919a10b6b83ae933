package gin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

// The contracts, in a package that both sides import.
var (
	Place = rest.Route[*Order, *Order]{Pattern: "POST /orders", Keyed: true, Status: http.StatusCreated}
	Get   = rest.Route[OrderID, *Order]{Pattern: "GET /orders/{id}"}
)

type Order struct {
	ID      string `json:"id"`
	Product string `json:"product"`
}

func (o *Order) Validate() error {
	if o.Product == "" {
		return errors.New("an order needs a product")
	}
	return nil
}

type OrderID struct {
	ID string `path:"id" json:"-"`
}

// The service: endpoints as for any other router.
func place(_ context.Context, o *Order) (*Order, error) {
	return &Order{ID: "o-7", Product: o.Product}, nil
}

func get(_ context.Context, r OrderID) (*Order, error) {
	if r.ID != "o-7" {
		return nil, fault.NotFound.Errorf("no order has the id %q", r.ID)
	}
	return &Order{ID: r.ID, Product: "p-1"}, nil
}

// auth is a middleware of Gin, as the system has it already.
func auth(c *gin.Context) {
	if c.GetHeader("Authorization") != "Bearer secret" {
		c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "who are you?"})
	}
}

func Example() {
	engine := gin.New(sinewgin.LikeServeMux)
	engine.Use(gin.Recovery())
	v1 := sinewgin.On(engine.Group("/v1", auth))
	Place.Handle(v1, place)
	Get.Handle(v1, get)

	request(engine, "POST", "/v1/orders", "Bearer secret", `{"product":"p-1"}`) // a program calls engine.Run
	request(engine, "GET", "/v1/orders/o-7", "Bearer secret", "")
	request(engine, "GET", "/v1/orders/o-7", "", "")
	request(engine, "POST", "/v1/orders", "Bearer secret", `{}`)
	request(engine, "PUT", "/v1/orders", "Bearer secret", `{}`)
	// Output:
	// 201 {"id":"o-7","product":"p-1"}
	// 200 {"id":"o-7","product":"p-1"}
	// 401 {"error":"who are you?"}
	// 400 an order needs a product
	// 405 /v1/orders is not for PUT; it accepts POST
}

// request prints the answer of h to a request from this machine; of a problem, its detail.
func request(h http.Handler, method, path, authorization, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var problem fault.Problem
	if json.Unmarshal(w.Body.Bytes(), &problem) == nil && problem.Detail != "" {
		fmt.Println(w.Code, problem.Detail)
		return
	}
	for line := range strings.Lines(w.Body.String()) {
		if path != "/metrics" || strings.HasPrefix(line, "sinew_server_requests_total") {
			fmt.Print(w.Code, " ", strings.TrimSpace(line), "\n")
		}
	}
}

// The routes are operations of a service: each has its own span, metrics and place in the
// limit, and is in the service's /openapi.json.
func ExampleMux_Within() {
	svc := sinew.New("shop", sinew.Config{Trust: rest.SameMachine, Logger: slog.New(slog.DiscardHandler)})
	defer svc.Shutdown(context.Background())
	engine := gin.New(sinewgin.LikeServeMux)
	v1 := sinewgin.On(engine.Group("/v1", auth)).Within(svc, engine)
	Place.Handle(v1, place)
	Get.Handle(v1, get)

	request(svc.Handler(), "GET", "/v1/orders/o-7", "Bearer secret", "") // a program calls svc.Main
	request(svc.Handler(), "GET", "/v1/orders/o-8", "Bearer secret", "")
	request(svc.Handler(), "GET", "/metrics", "", "")
	// Output:
	// 200 {"id":"o-7","product":"p-1"}
	// 404 no order has the id "o-8"
	// 200 sinew_server_requests_total{code="not_found",operation="GET /v1/orders/{id}",service="shop"} 1
	// 200 sinew_server_requests_total{code="ok",operation="GET /v1/orders/{id}",service="shop"} 1
}

// An engine that exists already, in a service: all its routes are one operation.
func Example_engineInAService() {
	engine := gin.New()
	engine.GET("/legacy/orders/:id", func(c *gin.Context) { c.String(http.StatusOK, "order "+c.Param("id")) })

	svc := sinew.New("shop", sinew.Config{Trust: rest.SameMachine, Logger: slog.New(slog.DiscardHandler)})
	defer svc.Shutdown(context.Background())
	svc.Handle("/legacy/", engine)

	request(svc.Handler(), "GET", "/legacy/orders/7", "", "")
	request(svc.Handler(), "GET", "/metrics", "", "")
	// Output:
	// 200 order 7
	// 200 sinew_server_requests_total{code="ok",operation="/legacy/",service="shop"} 1
}
