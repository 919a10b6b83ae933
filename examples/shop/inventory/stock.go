package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

// Schema makes the service's tables. The database itself refuses a quantity
// below what is reserved.
var Schema = []string{
	`CREATE TABLE IF NOT EXISTS inventory (
		product_id TEXT PRIMARY KEY, sku TEXT NOT NULL,
		quantity INTEGER NOT NULL, reserved INTEGER NOT NULL DEFAULT 0,
		min_level INTEGER NOT NULL, max_level INTEGER NOT NULL, reorder_quantity INTEGER NOT NULL,
		last_updated TEXT NOT NULL,
		CHECK (reserved >= 0 AND quantity >= reserved))`,
	`CREATE TABLE IF NOT EXISTS reservation (
		reference TEXT NOT NULL, product_id TEXT NOT NULL, quantity INTEGER NOT NULL, state TEXT NOT NULL,
		PRIMARY KEY (reference, product_id))`,
}

// A reservation is held until it is released or shipped.
const (
	held     = "held"
	released = "released"
	shipped  = "shipped"
)

// defaultReorder is ordered of a product whose levels say nothing.
const defaultReorder = 10

// stock is the inventory in the database.
type stock struct{ db *sql.DB }

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
	rows, err := q.QueryContext(ctx, `SELECT product_id, sku, quantity, reserved, min_level, max_level, reorder_quantity, last_updated
		FROM inventory WHERE `+condition+` ORDER BY rowid`, args...)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var found []*api.Inventory
	for rows.Next() {
		i, updated := &api.Inventory{Location: "main"}, ""
		if err := rows.Scan(&i.ProductID, &i.SKU, &i.Quantity, &i.Reserved, &i.MinLevel, &i.MaxLevel, &i.ReorderQuantity, &updated); err != nil {
			return nil, failed(err)
		}
		i.ID, i.ReorderPoint, i.Available = "i-"+i.ProductID, i.MinLevel, i.Quantity-i.Reserved
		i.Status = status(i)
		i.LastUpdated, _ = time.Parse(time.RFC3339Nano, updated)
		found = append(found, i)
	}
	return found, failed(rows.Err())
}

// put makes a product known, or sets the levels of a known one.
func (s stock) put(ctx context.Context, p *api.StockItem) (*api.Inventory, error) {
	reorder := p.MaxLevel - p.MinLevel
	if reorder <= 0 {
		reorder = defaultReorder
	}
	return s.change(ctx, p.ProductID, func(tx *sql.Tx) error {
		return exec(ctx, tx, `INSERT INTO inventory (product_id, sku, quantity, min_level, max_level, reorder_quantity, last_updated)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (product_id) DO UPDATE SET sku = ?2, min_level = ?4, max_level = ?5, reorder_quantity = ?6, last_updated = ?7`,
			p.ProductID, p.SKU, p.Quantity, p.MinLevel, p.MaxLevel, reorder, now())
	})
}

func (s stock) remove(ctx context.Context, productID string) error {
	return exec(ctx, s.db, `DELETE FROM inventory WHERE product_id = ?`, productID)
}

func (s stock) set(ctx context.Context, productID string, quantity int) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		if quantity < i.Reserved {
			return insufficient("%d of product %s are reserved; its quantity cannot be %d", i.Reserved, productID, quantity)
		}
		return s.move(ctx, tx, productID, quantity-i.Quantity, 0)
	})
}

func (s stock) reorder(ctx context.Context, productID string) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		return s.move(ctx, tx, productID, i.ReorderQuantity, 0)
	})
}

// reserve holds quantity, for a reference once and never again after it was
// settled.
func (s stock) reserve(ctx context.Context, productID string, quantity int, reference string) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		if reference != "" {
			switch _, state, err := s.reservation(ctx, tx, reference, productID); {
			case err != nil:
				return err
			case state == held:
				return nil
			case state != "":
				return fault.FailedPrecondition.Errorf("the reservation of %s was %s before", reference, state).WithReason("reservation_over")
			}
		}
		if quantity > i.Available {
			return insufficient("%d of product %s are wanted, %d are available", quantity, productID, i.Available)
		}
		if reference != "" {
			if err := s.note(ctx, tx, reference, productID, quantity, held); err != nil {
				return err
			}
		}
		return s.move(ctx, tx, productID, 0, quantity)
	})
}

// release gives quantity back; for a reference, all that it holds. A reference
// that holds nothing is marked, so that a reservation still under way comes too
// late.
func (s stock) release(ctx context.Context, productID string, quantity int, reference string) (*api.Inventory, error) {
	return s.change(ctx, productID, func(tx *sql.Tx) error {
		i, err := s.get(ctx, tx, productID)
		if err != nil {
			return err
		}
		if reference != "" {
			holds, state, err := s.reservation(ctx, tx, reference, productID)
			if err != nil || state == released || state == shipped {
				return err
			}
			if err := s.note(ctx, tx, reference, productID, holds, released); err != nil {
				return err
			}
			return s.move(ctx, tx, productID, 0, -holds)
		}
		if quantity > i.Reserved {
			return insufficient("%d of product %s are reserved, %d cannot be released", i.Reserved, productID, quantity)
		}
		return s.move(ctx, tx, productID, 0, -quantity)
	})
}

// settle ends all that a reference holds: it leaves with the shipment, or
// becomes available again. Settling twice is settling once.
func (s stock) settle(ctx context.Context, reference, state string) error {
	return database.Within(ctx, s.db, func(tx *sql.Tx) error {
		gone := ""
		if state == shipped {
			gone = `quantity = inventory.quantity - r.quantity, `
		}
		if err := exec(ctx, tx, `UPDATE inventory SET `+gone+`reserved = inventory.reserved - r.quantity, last_updated = ?
			FROM reservation AS r WHERE r.product_id = inventory.product_id AND r.reference = ? AND r.state = ?`, now(), reference, held); err != nil {
			return err
		}
		return exec(ctx, tx, `UPDATE reservation SET state = ? WHERE reference = ? AND state = ?`, state, reference, held)
	})
}

// change runs f in a transaction and is the inventory after it.
func (s stock) change(ctx context.Context, productID string, f func(*sql.Tx) error) (*api.Inventory, error) {
	var after *api.Inventory
	err := database.Within(ctx, s.db, func(tx *sql.Tx) (err error) {
		if err = f(tx); err == nil {
			after, err = s.get(ctx, tx, productID)
		}
		return err
	})
	return after, err
}

func (s stock) move(ctx context.Context, tx *sql.Tx, productID string, quantity, reserved int) error {
	return exec(ctx, tx, `UPDATE inventory SET quantity = quantity + ?, reserved = reserved + ?, last_updated = ? WHERE product_id = ?`,
		quantity, reserved, now(), productID)
}

func (s stock) reservation(ctx context.Context, tx *sql.Tx, reference, productID string) (quantity int, state string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT quantity, state FROM reservation WHERE reference = ? AND product_id = ?`, reference, productID).Scan(&quantity, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return quantity, state, failed(err)
}

func (s stock) note(ctx context.Context, tx *sql.Tx, reference, productID string, quantity int, state string) error {
	return exec(ctx, tx, `INSERT INTO reservation (reference, product_id, quantity, state) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (reference, product_id) DO UPDATE SET state = ?4`, reference, productID, quantity, state)
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
	return fault.FailedPrecondition.Errorf(format, args...).WithReason("insufficient_stock")
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

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }
