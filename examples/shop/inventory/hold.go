package inventory

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

// What an order holds of a product is held until it is freed or shipped.
const (
	held    = "held"
	freed   = "freed"
	shipped = "shipped"
)

// hold reserves for an order: once, and never again after it was settled.
func (s stock) hold(ctx context.Context, h *api.Hold) (*api.Inventory, error) {
	return s.change(ctx, h.ProductID, func(tx *sql.Tx) error {
		_, state, err := s.state(ctx, tx, h.ProductID, h.OrderID)
		switch {
		case err != nil || state == held:
			return err
		case state != "":
			return fault.FailedPrecondition.Errorf("what order %s held of product %s was %s before", h.OrderID, h.ProductID, state).WithReason("hold_over")
		}
		if err := s.take(ctx, tx, h.ProductID, h.Quantity); err != nil {
			return err
		}
		return s.note(ctx, tx, h.ProductID, h.OrderID, h.Quantity, held)
	})
}

// free gives back what the order holds of the product. Where it holds nothing,
// that it is over is noted all the same, so that a hold still under way comes
// too late.
func (s stock) free(ctx context.Context, productID, orderID string) error {
	return database.Within(ctx, s.db, func(tx *sql.Tx) error {
		quantity, state, err := s.state(ctx, tx, productID, orderID)
		if err != nil || state == freed || state == shipped {
			return err
		}
		if err := s.note(ctx, tx, productID, orderID, quantity, freed); err != nil {
			return err
		}
		return s.move(ctx, tx, productID, 0, -quantity)
	})
}

// settle ends all that an order holds: it leaves with the shipment, or becomes
// available again. Settling twice is settling once.
func (s stock) settle(ctx context.Context, orderID, state string) error {
	err := database.Within(ctx, s.db, func(tx *sql.Tx) error {
		pieces, err := s.heldBy(ctx, tx, orderID)
		if err != nil {
			return err
		}
		for productID, quantity := range pieces {
			err := s.note(ctx, tx, productID, orderID, quantity, state)
			switch {
			case err != nil:
			case state == shipped:
				err = errors.Join(s.move(ctx, tx, productID, -quantity, -quantity), s.tell(ctx, tx, productID))
			default:
				err = s.move(ctx, tx, productID, 0, -quantity)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.outbox.Wake()
	return err
}

// heldBy is what an order holds, by product.
func (s stock) heldBy(ctx context.Context, tx *sql.Tx, orderID string) (map[string]int, error) {
	rows, err := tx.QueryContext(ctx, `SELECT product_id, quantity FROM hold WHERE order_id = ? AND state = ?`, orderID, held)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = rows.Close() }()
	pieces := map[string]int{}
	for rows.Next() {
		var productID string
		var quantity int
		if err := rows.Scan(&productID, &quantity); err != nil {
			return nil, failed(err)
		}
		pieces[productID] = quantity
	}
	return pieces, failed(rows.Err())
}

// heldOf is how many of a product orders hold.
func (s stock) heldOf(ctx context.Context, tx *sql.Tx, productID string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(quantity), 0) FROM hold WHERE product_id = ? AND state = ?`, productID, held).Scan(&n)
	return n, failed(err)
}

// state is how far one hold has come, "" for none.
func (s stock) state(ctx context.Context, tx *sql.Tx, productID, orderID string) (quantity int, state string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT quantity, state FROM hold WHERE order_id = ? AND product_id = ?`, orderID, productID).Scan(&quantity, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return quantity, state, failed(err)
}

func (s stock) note(ctx context.Context, tx *sql.Tx, productID, orderID string, quantity int, state string) error {
	return exec(ctx, tx, `INSERT INTO hold (order_id, product_id, quantity, state) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (order_id, product_id) DO UPDATE SET state = ?4`, orderID, productID, quantity, state)
}
