package interop_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
)

// customers is how many customers order, each a key of the events.
const customers = 40

// placedOrder is the n-th order of a customer.
type placedOrder struct {
	Customer int `json:"customer"`
	N        int `json:"n"`
	Amount   int `json:"amount"`
}

// orderPlaced is published by the transaction that places an order.
var orderPlaced = eventbus.Topic[placedOrder]{
	Name: "order.placed",
	Key:  func(o placedOrder) string { return fmt.Sprint(o.Customer) },
}

// ledgerGroup is the group that adds each order to the ledger of its customer.
const ledgerGroup = "ledger"

// shopTables have the orders, which are what was committed, and what became of their
// events. No constraint is on deliveries: an order that is applied twice shall be there twice.
var shopTables = []string{
	`CREATE TABLE customers (customer BIGINT PRIMARY KEY, placed BIGINT NOT NULL)`,
	`CREATE TABLE orders (customer BIGINT NOT NULL, n BIGINT NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (customer, n))`,
	`CREATE TABLE ledger (customer BIGINT PRIMARY KEY, orders BIGINT NOT NULL, amount BIGINT NOT NULL,
		last BIGINT NOT NULL, previous BIGINT NOT NULL)`,
	`CREATE TABLE applied (customer BIGINT NOT NULL, n BIGINT NOT NULL, previous BIGINT NOT NULL)`,
	`CREATE TABLE repeats (customer BIGINT NOT NULL, n BIGINT NOT NULL)`,
}

// ledgerShop places orders and applies their events, in a database.
type ledgerShop struct {
	db  *sql.DB
	box *outbox.Outbox
}

// create creates the tables and the customers.
func (s ledgerShop) create(t *testing.T) {
	t.Helper()
	if err := s.box.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	statements := shopTables
	for c := range customers {
		statements = append(statements,
			fmt.Sprintf(`INSERT INTO customers VALUES (%d, 0)`, c),
			fmt.Sprintf(`INSERT INTO ledger VALUES (%d, 0, 0, 0, 0)`, c))
	}
	for _, statement := range statements {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// within runs f in a transaction.
func (s ledgerShop) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// place places the next order of the customer. After an error it may be placed.
func (s ledgerShop) place(ctx context.Context, customer, amount int) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		o := placedOrder{Customer: customer, Amount: amount}
		const lockCustomer = `UPDATE customers SET placed = placed + 1 WHERE customer = $1 RETURNING placed`
		if err := tx.QueryRowContext(ctx, lockCustomer, customer).Scan(&o.N); err != nil {
			return err
		}
		const insert = `INSERT INTO orders (customer, n, amount) VALUES ($1, $2, $3)`
		if _, err := tx.ExecContext(ctx, insert, o.Customer, o.N, o.Amount); err != nil {
			return err
		}
		return orderPlaced.Publish(ctx, s.box.In(tx), o)
	})
}

// apply adds an order to the ledger of its customer, and notes which order came before it.
func (s ledgerShop) apply(ctx context.Context, o placedOrder) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		isNew, err := s.box.IsNew(ctx, tx, ledgerGroup)
		if err != nil {
			return err
		}
		if !isNew {
			_, err := tx.ExecContext(ctx, `INSERT INTO repeats (customer, n) VALUES ($1, $2)`, o.Customer, o.N)
			return err
		}
		const add = `UPDATE ledger SET orders = orders + 1, amount = amount + $1, previous = last, last = $2
			WHERE customer = $3 RETURNING previous`
		var previous int
		if err := tx.QueryRowContext(ctx, add, o.Amount, o.N, o.Customer).Scan(&previous); err != nil {
			return err
		}
		const note = `INSERT INTO applied (customer, n, previous) VALUES ($1, $2, $3)`
		_, err = tx.ExecContext(ctx, note, o.Customer, o.N, previous)
		return err
	})
}

// counts returns how many orders were placed, and how often one was applied.
func (s ledgerShop) counts(ctx context.Context) (placed, applied int, err error) {
	const query = `SELECT (SELECT SUM(placed) FROM customers), (SELECT SUM(orders) FROM ledger)`
	err = s.db.QueryRowContext(ctx, query).Scan(&placed, &applied)
	return placed, applied, err
}

// wrongs are queries of the orders (customer, n) with which something is wrong.
var wrongs = []struct{ what, query string }{
	{"are lost", `SELECT o.customer, o.n FROM orders o
		LEFT JOIN applied a ON a.customer = o.customer AND a.n = o.n WHERE a.n IS NULL`},
	{"are applied and were never committed", `SELECT a.customer, a.n FROM applied a
		LEFT JOIN orders o ON a.customer = o.customer AND a.n = o.n WHERE o.n IS NULL`},
	{"are applied twice", `SELECT customer, n FROM applied GROUP BY customer, n HAVING COUNT(*) > 1`},
	{"are out of order", `SELECT customer, n FROM applied WHERE n <> previous + 1`},
	{"are the last of a customer whose orders have a gap", `SELECT c.customer, c.placed FROM customers c
		WHERE c.placed <> (SELECT COUNT(*) FROM orders o WHERE o.customer = c.customer)`},
	{"are the last in a ledger with a wrong amount", `SELECT l.customer, l.last FROM ledger l
		WHERE l.amount <> (SELECT COALESCE(SUM(amount), 0) FROM orders o WHERE o.customer = l.customer)`},
}

// complaints says in sentences what is wrong with the orders.
func (s ledgerShop) complaints(t *testing.T) (all []string) {
	t.Helper()
	for _, wrong := range wrongs {
		rows, err := s.db.QueryContext(t.Context(), wrong.query)
		if err != nil {
			t.Fatalf("%s: %v", wrong.query, err)
		}
		var found []string
		for rows.Next() {
			var customer, n int
			if err := rows.Scan(&customer, &n); err != nil {
				t.Fatal(err)
			}
			found = append(found, fmt.Sprintf("%d of customer %d", n, customer))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
		if len(found) > 0 {
			some := strings.Join(found[:min(len(found), 5)], ", ")
			all = append(all, fmt.Sprintf("%d orders %s, such as %s.", len(found), wrong.what, some))
		}
	}
	return all
}
