package inventory

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

// The states of a hold: pieces are held until they are freed or shipped.
const (
	stateHeld    = "held"
	stateFreed   = "freed"
	stateShipped = "shipped"
)

// hold reserves pieces for an order: once, and never again after the hold has ended.
func (s stock) hold(ctx context.Context, h *api.Hold) (*api.Inventory, error) {
	return s.change(ctx, h.ProductID, func(tx *sql.Tx) error {
		_, state, err := s.state(ctx, tx, h.ProductID, h.OrderID)
		switch {
		case err != nil || state == stateHeld:
			return err
		case state != "":
			return api.Conflict("hold_over", "what order %s held of product %s was %s before", h.OrderID, h.ProductID, state)
		}
		if err := s.reserveAvailable(ctx, tx, h.ProductID, h.Quantity); err != nil {
			return err
		}
		return s.note(ctx, tx, h.ProductID, h.OrderID, h.Quantity, stateHeld)
	})
}

// free releases what the order holds of the product. If there is no hold, it records that
// the hold has ended, so that a hold that arrives later is refused.
func (s stock) free(ctx context.Context, productID, orderID string) error {
	return database.Within(ctx, s.db, func(tx *sql.Tx) error {
		quantity, state, err := s.state(ctx, tx, productID, orderID)
		if err != nil || state == stateFreed || state == stateShipped {
			return err
		}
		if err := s.note(ctx, tx, productID, orderID, quantity, stateFreed); err != nil {
			return err
		}
		return s.move(ctx, tx, productID, 0, -quantity)
	})
}

// settle ends all holds of an order: the pieces leave with the shipment, or become
// available again. Repeating it has no effect.
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
			case state == stateShipped:
				err = errors.Join(s.move(ctx, tx, productID, -quantity, -quantity), s.publishCount(ctx, tx, productID))
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

// heldBy returns what an order holds, by product.
func (s stock) heldBy(ctx context.Context, tx *sql.Tx, orderID string) (map[string]int, error) {
	rows, err := tx.QueryContext(ctx, `SELECT product_id, quantity FROM hold WHERE order_id = ? AND state = ?`, orderID, stateHeld)
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

// heldOf returns how many pieces of a product orders hold.
func (s stock) heldOf(ctx context.Context, tx *sql.Tx, productID string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(quantity), 0) FROM hold WHERE product_id = ? AND state = ?`, productID, stateHeld).Scan(&n)
	return n, failed(err)
}

// state returns the quantity and state of a hold, "" if there is none.
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
