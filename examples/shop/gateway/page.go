package gateway

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
)

// ordersShown is the number of orders on the page. pageTimeout limits the calls for its
// content, so that the page is shown even if a service is down.
const (
	ordersShown = 20
	pageTimeout = time.Second
)

//go:embed page.html
var pageText string

var pages = template.Must(template.New("shop").Parse(pageText))

// page is the page at /.
type page struct {
	orders   endpoint.Endpoint[*api.OrderFilter, *api.List[*api.Order]]
	users    endpoint.Endpoint[*api.UserFilter, *api.List[*api.User]]
	products endpoint.Endpoint[*api.ProductFilter, *api.List[*api.Product]]
}

func newPage(svc *sinew.Service) *page {
	return &page{
		orders:   api.ListOrders.Endpoint(svc.Client("order")),
		users:    api.ListUsers.Endpoint(svc.Client("user")),
		products: api.ListProducts.Endpoint(svc.Client("product")),
	}
}

// ServeHTTP implements [http.Handler].
func (f *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	user, product := "USER", "PRODUCT"
	if users, err := f.users(ctx, &api.UserFilter{}); err == nil && len(users.Items) > 0 {
		user = users.Items[0].ID
	}
	if products, err := f.products(ctx, &api.ProductFilter{}); err == nil && len(products.Items) > 0 {
		product = products.Items[0].ID
	}
	page := struct {
		Links, Try []string
		Orders     []*api.Order
		Fault      string
	}{Links: links, Try: Try("http://"+r.Host, user, product)}
	orders, err := f.orders(ctx, &api.OrderFilter{})
	if err != nil {
		page.Fault = err.Error()
	} else {
		page.Orders = orders.Items[max(0, len(orders.Items)-ordersShown):]
		slices.Reverse(page.Orders)
	}
	render(w, "front", page)
}

// links are the links on the page.
var links = []string{
	"/products", "/inventory", "/inventory?low_stock=true", "/users", "/orders", "/shipments",
	"/traces", "/docs", "/openapi.json", "/readyz", "/metrics",
}

func render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, name, data) // the client may have gone
}
