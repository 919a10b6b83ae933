package api

import (
	"cmp"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// The routes of the pictures of products.
var (
	PutPicture = rest.Route[*NewPicture, endpoint.None]{
		Pattern: "PUT /products/{id}/picture",
		MaxBody: 2 << 20, Failures: []error{fault.NotFound},
	}
	GetPicture = rest.Route[*ByID, *Picture]{
		Pattern: "GET /products/{id}/picture", Failures: []error{fault.NotFound.Errorf("The product does not exist or has no picture.")},
	}
)

// NewPicture sets the picture of a product. Other types, such as SVG, may have scripts.
type NewPicture struct {
	ProductID string `path:"id" json:"-"`
	Type      string `header:"Content-Type" json:"-"`
	Data      []byte `body:"image/png, image/jpeg, image/webp" schema:"required,minLength=1"`
}

// Validate refuses a malformed ID and an empty picture.
func (p *NewPicture) Validate() error {
	return cmp.Or(require(condition{len(p.Data) > 0, "a picture is needed"}), validIDs(p.ProductID))
}

// Picture is the picture of a product.
type Picture struct {
	Type      string    `header:"Content-Type" json:"-"`
	Tag       string    `header:"ETag" json:"-"`
	ChangedAt time.Time `header:"Last-Modified" json:"-"`
	Data      []byte    `body:"image/*"`
}
