package product

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

// picture is the stored form of the picture of a product, by the ID of the product.
type picture struct {
	Type      string    `json:"type"`
	ChangedAt time.Time `json:"changed_at"`
	Data      []byte    `json:"data"`
}

var pictures = database.Table[picture]{Kind: "picture"}

func (s *Service) putPicture(ctx context.Context, r *api.NewPicture) (endpoint.None, error) {
	p := &picture{Type: r.Type, ChangedAt: time.Now().UTC(), Data: r.Data}
	return endpoint.None{}, database.Within(ctx, s.db, func(tx *sql.Tx) error {
		if _, err := products.Get(ctx, tx, r.ProductID); err != nil {
			return err
		}
		if err := pictures.Delete(ctx, tx, r.ProductID); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		return pictures.Insert(ctx, tx, r.ProductID, p)
	})
}

func (s *Service) getPicture(ctx context.Context, r *api.ByID) (*api.Picture, error) {
	p, err := pictures.Get(ctx, s.db, r.ID)
	if err != nil {
		return nil, err
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(p.Data))
	return &api.Picture{Type: p.Type, Tag: tag, ChangedAt: p.ChangedAt, Data: p.Data}, nil
}
