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

// shown is how many orders the page shows, and patience how long it waits for what
// it shows: it is there though a service is not.
const (
	shown    = 20
	patience = time.Second
)

//go:embed page.html
var pageText string

var pages = template.Must(template.New("shop").Parse(pageText))

// front is the page at /.
type front struct {
	orders   endpoint.Endpoint[*api.OrderFilter, *api.List[*api.Order]]
	users    endpoint.Endpoint[*api.UserFilter, *api.List[*api.User]]
	products endpoint.Endpoint[*api.ProductFilter, *api.List[*api.Product]]
}

func newFront(svc *sinew.Service) *front {
	return &front{
		orders:   api.ListOrders.Endpoint(svc.Client("order")),
		users:    api.ListUsers.Endpoint(svc.Client("user")),
		products: api.ListProducts.Endpoint(svc.Client("product")),
	}
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
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
		page.Orders = orders.Items[max(0, len(orders.Items)-shown):]
		slices.Reverse(page.Orders)
	}
	render(w, "front", page)
}

// links are what there is to look at.
var links = []string{
	"/products", "/inventory", "/inventory?low_stock=true", "/users", "/orders", "/shipments",
	"/traces", "/openapi.json", "/readyz", "/metrics",
}

func render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, name, data) // who is gone sees nothing
}
