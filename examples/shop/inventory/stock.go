package inventory

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

// Schema creates the tables of the service. The database refuses a quantity below what is
// reserved. Times are in nanoseconds of the Unix epoch. Those of one product never
// repeat, so that the later of two states can be identified.
var Schema = []string{
	`CREATE TABLE IF NOT EXISTS inventory (
		product_id TEXT PRIMARY KEY, sku TEXT NOT NULL,
		quantity BIGINT NOT NULL, reserved BIGINT NOT NULL DEFAULT 0,
		min_level BIGINT NOT NULL, max_level BIGINT NOT NULL, levels_as_of BIGINT NOT NULL DEFAULT 0,
		last_updated BIGINT NOT NULL{rowid},
		CHECK (reserved >= 0 AND quantity >= reserved))`,
	`CREATE TABLE IF NOT EXISTS hold (
		order_id TEXT NOT NULL, product_id TEXT NOT NULL, quantity BIGINT NOT NULL, state TEXT NOT NULL,
		PRIMARY KEY (order_id, product_id))`,
	`CREATE INDEX IF NOT EXISTS hold_product ON hold (product_id, state)`,
}

// defaultReorder is the reorder quantity of a product without levels.
const defaultReorder = 10

// stock is the inventory in the database.
type stock struct {
	db     *sql.DB
	outbox *outbox.Outbox
	keys   database.Answers
}

func (s stock) get(ctx context.Context, q database.Querier, productID string) (*api.Inventory, error) {
	found, err := s.where(ctx, q, `product_id = ?`, productID)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFound.Errorf("no product has the id %q", productID)
	}
	return found[0], nil
}

func (s stock) where(ctx context.Context, q database.Querier, condition string, args ...any) ([]*api.Inventory, error) {
	rows, err := q.QueryContext(ctx, `SELECT product_id, sku, quantity, reserved, min_level, max_level, last_updated
		FROM inventory WHERE `+condition+` ORDER BY rowid`, args...)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var found []*api.Inventory
	for rows.Next() {
		i, updated := &api.Inventory{Location: "main"}, int64(0)
		if err := rows.Scan(&i.ProductID, &i.SKU, &i.Quantity, &i.Reserved, &i.MinLevel, &i.MaxLevel, &updated); err != nil {
			return nil, failed(err)
		}
		i.ID, i.ReorderPoint, i.Available = "i-"+i.ProductID, i.MinLevel, i.Quantity-i.Reserved
		if i.ReorderQuantity = i.MaxLevel - i.MinLevel; i.ReorderQuantity <= 0 {
			i.ReorderQuantity = defaultReorder
		}
		i.Status, i.LastUpdated = status(i), time.Unix(0, updated).UTC()
		found = append(found, i)
	}
	return found, failed(rows.Err())
}

// put adds a product. If it exists, the call is a repeat.
func (s stock) put(ctx context.Context, p *api.StockItem) (*api.Inventory, error) {
	return s.change(ctx, p.ProductID, func(tx *sql.Tx) error {
		return exec(ctx, tx, `INSERT INTO inventory (product_id, sku, quantity, min_level, max_level, last_updated) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (product_id) DO NOTHING`,
			p.ProductID, p.SKU, p.Quantity, p.MinLevel, p.MaxLevel, time.Now().UnixNano())
	})
}

// level sets the levels of a product, unless it has later ones.
func (s stock) level(ctx context.Context, l *api.StockLevels) (*api.Inventory, error) {
	return s.change(ctx, l.ProductID, func(tx *sql.Tx) error {
		return exec(ctx, tx, `UPDATE inventory SET sku = ?2, min_level = ?3, max_level = ?4, levels_as_of = ?5,
			last_updated = CASE WHEN last_updated < ?6 THEN ?6 ELSE last_updated + 1 END
			WHERE product_id = ?1 AND levels_as_of < ?5`,
			l.ProductID, l.SKU, l.MinLevel, l.MaxLevel, l.AsOf.UnixNano(), time.Now().UnixNano())
	})
}

func (s stock) remove(ctx context.Context, productID string) error {
	return exec(ctx, s.db, `DELETE FROM inventory WHERE product_id = ?`, productID)
}

func (s stock) set(ctx context.Context, productID string, quantity int) (*api.Inventory, error) {
	return s.recount(ctx, productID, func(i *api.Inventory) (int, error) {
		if quantity < i.Reserved {
			return 0, insufficient("%d of product %s are reserved; its quantity cannot be %d", i.Reserved, productID, quantity)
		}
		return quantity, nil
	})
}

// reorder adds the product's reorder quantity, as far as the maximum allows.
func (s stock) reorder(ctx context.Context, productID string) (*api.Inventory, error) {
	return s.recount(ctx, productID, func(i *api.Inventory) (int, error) {
		most := api.MostPieces
		if i.MaxLevel > 0 {
			most = min(i.MaxLevel, most)
		}
		if i.Quantity >= most {
			return 0, api.Conflict("too_much_stock", "there are %d of product %s, and there shall be %d at most", i.Quantity, productID, most)
		}
		return min(i.Quantity+i.ReorderQuantity, most), nil
	})
}

// recount sets the quantity to the result of next, and publishes it.
func (s stock) recount(ctx context.Context, productID string, next func(*api.Inventory) (int, error)) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		quantity, err := next(i)
		if err != nil {
			return err
		}
		if err := s.move(ctx, tx, productID, quantity-i.Quantity, 0); err != nil {
			return err
		}
		return s.publishCount(ctx, tx, productID)
	})
}

func (s stock) reserve(ctx context.Context, productID string, quantity int) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		return s.reserveAvailable(ctx, tx, productID, quantity)
	})
}

// reserveAvailable reserves some of the available pieces.
func (s stock) reserveAvailable(ctx context.Context, tx *sql.Tx, productID string, quantity int) error {
	i, err := s.get(ctx, tx, productID)
	if err != nil {
		return err
	}
	if quantity > i.Available {
		return insufficient("%d of product %s are wanted, %d are available", quantity, productID, i.Available)
	}
	return s.move(ctx, tx, productID, 0, quantity)
}

// release releases pieces that were reserved manually, not by orders.
func (s stock) release(ctx context.Context, productID string, quantity int) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		theirs, err := s.heldOf(ctx, tx, productID)
		if err != nil {
			return err
		}
		if quantity > i.Reserved-theirs {
			return insufficient("%d of product %s are reserved, %d of them by orders; %d cannot be released", i.Reserved, productID, theirs, quantity)
		}
		return s.move(ctx, tx, productID, 0, -quantity)
	})
}

// change runs f in a transaction and returns the inventory after it, which is also the
// answer for an idempotency key.
func (s stock) change(ctx context.Context, productID string, f func(*sql.Tx) error) (*api.Inventory, error) {
	var after *api.Inventory
	err := database.Within(ctx, s.db, func(tx *sql.Tx) (err error) {
		if err = f(tx); err != nil {
			return err
		}
		if after, err = s.get(ctx, tx, productID); err != nil {
			return err
		}
		return s.keys.Save(ctx, tx, after)
	})
	s.outbox.Wake()
	return after, err
}

func (s stock) move(ctx context.Context, tx *sql.Tx, productID string, quantity, reserved int) error {
	return exec(ctx, tx, `UPDATE inventory SET quantity = quantity + ?1, reserved = reserved + ?2, last_updated = CASE WHEN last_updated < ?3 THEN ?3 ELSE last_updated + 1 END WHERE product_id = ?4`,
		quantity, reserved, time.Now().UnixNano(), productID)
}

// publishCount publishes the current quantity, unless the product is gone.
func (s stock) publishCount(ctx context.Context, tx *sql.Tx, productID string) error {
	found, err := s.where(ctx, tx, `product_id = ?`, productID)
	for _, i := range found {
		err = api.InventoryCounted.Publish(ctx, s.outbox.In(tx), *i)
	}
	return err
}

func status(i *api.Inventory) api.InventoryStatus {
	switch {
	case i.Available == 0:
		return api.OutOfStock
	case i.Available <= i.MinLevel:
		return api.LowStock
	}
	return api.InStock
}

func insufficient(format string, args ...any) error {
	return api.Conflict("insufficient_stock", format, args...)
}

func exec(ctx context.Context, q database.Querier, statement string, args ...any) error {
	_, err := q.ExecContext(ctx, statement, args...)
	return failed(err)
}

func failed(err error) error {
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	return nil
}
