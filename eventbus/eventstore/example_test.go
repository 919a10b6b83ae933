package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
)

// What happens to an order.
type (
	OrderPlaced struct {
		ID    string `json:"id"`
		User  string `json:"user"`
		Cents int    `json:"cents"`
	}
	OrderPaid struct {
		ID    string `json:"id"`
		Cents int    `json:"cents"`
	}
)

var (
	Placed = eventbus.Topic[OrderPlaced]{Name: "order.placed"}
	Paid   = eventbus.Topic[OrderPaid]{Name: "order.paid"}
)

// Order is what follows from that.
type Order struct {
	ID     string
	Status string
	Owed   int
}

func (o Order) placed(e OrderPlaced) Order { return Order{ID: e.ID, Status: "placed", Owed: e.Cents} }

func (o Order) paid(e OrderPaid) Order {
	if o.Owed -= e.Cents; o.Owed <= 0 {
		o.Status = "paid"
	}
	return o
}

var Orders = eventstore.Aggregate[Order]{
	Name:  "order",
	Folds: eventstore.Folds[Order]{eventstore.On(Placed, Order.placed), eventstore.On(Paid, Order.paid)},
}

func Place(ctx context.Context, store *eventstore.Store, e OrderPlaced) (Order, error) {
	return Orders.Update(ctx, store, e.ID, func(ctx context.Context, o Order, to eventbus.Publisher) error {
		if o.Status != "" {
			return fault.AlreadyExists.Errorf("order %s exists", e.ID)
		}
		return Placed.Publish(ctx, to, e)
	})
}

func Pay(ctx context.Context, store *eventstore.Store, e OrderPaid) (Order, error) {
	return Orders.Update(ctx, store, e.ID, func(ctx context.Context, o Order, to eventbus.Publisher) error {
		if o.Status != "placed" || o.Owed < e.Cents {
			return fault.FailedPrecondition.Errorf("order %s is %s, and owes %d", e.ID, o.Status, o.Owed)
		}
		return Paid.Publish(ctx, to, e)
	})
}

// ByUser is the list of orders for GET /orders?user_id=.
var ByUser = eventstore.Projection{
	Name:   "orders_by_user",
	Create: []string{`CREATE TABLE IF NOT EXISTS {table} (id VARCHAR(64) PRIMARY KEY, user_id VARCHAR(64) NOT NULL, owed BIGINT NOT NULL)`},
	Drop:   []string{`DROP TABLE IF EXISTS {table}`},
	Handlers: []eventstore.Handler{
		eventstore.When(Placed, func(ctx context.Context, in eventstore.Effect, e OrderPlaced) error {
			return in.Exec(ctx, `INSERT INTO {table} VALUES (?, ?, ?)`, e.ID, e.User, e.Cents)
		}),
		eventstore.When(Paid, func(ctx context.Context, in eventstore.Effect, e OrderPaid) error {
			return in.Exec(ctx, `UPDATE {table} SET owed = owed - ? WHERE id = ?`, e.Cents, e.ID)
		}),
	},
}

func OrdersOf(ctx context.Context, byUser *eventstore.Projector, user string) (list []string, err error) {
	rows, err := byUser.Query(ctx, `SELECT id, owed FROM {table} WHERE user_id = ? ORDER BY id`, user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var owed int
		if err := rows.Scan(&id, &owed); err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprintf("%s owes %d", id, owed))
	}
	return list, rows.Err()
}

// openExample opens a store in a new file.
func openExample(ctx context.Context) (store *eventstore.Store, db *sql.DB, end func()) {
	dir, _ := os.MkdirTemp("", "")
	db, _ = sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_txlock=immediate")
	db.SetMaxOpenConns(1)
	store, _ = eventstore.New(eventstore.Config{DB: db})
	_ = store.Create(ctx)
	return store, db, func() { _ = db.Close(); _ = os.RemoveAll(dir) }
}

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	store, _, end := openExample(ctx)
	defer end()
	byUser := store.Project(ByUser)
	_ = byUser.Create(ctx)
	var running sync.WaitGroup
	running.Go(func() { byUser.Run(ctx) })

	_, _ = Place(ctx, store, OrderPlaced{ID: "o-7", User: "u-1", Cents: 500})
	order, err := Pay(ctx, store, OrderPaid{ID: "o-7", Cents: 500})
	fmt.Println(order.Status, err)
	_, err = Pay(ctx, store, OrderPaid{ID: "o-7", Cents: 500})
	fmt.Println(err)

	_ = byUser.Wait(ctx) // to read what was just written
	fmt.Println(OrdersOf(ctx, byUser, "u-1"))
	stop()
	running.Wait()
	// Output:
	// paid <nil>
	// failed_precondition: order o-7 is paid, and owes 0
	// [o-7 owes 0] <nil>
}

// An auditor computes the same from the events of all orders.
func ExampleFolds() {
	ctx := context.Background()
	store, _, end := openExample(ctx)
	defer end()
	_, _ = Place(ctx, store, OrderPlaced{ID: "o-7", Cents: 500})
	_, _ = Place(ctx, store, OrderPlaced{ID: "o-8", Cents: 300})
	_, _ = Pay(ctx, store, OrderPaid{ID: "o-8", Cents: 300})

	owed := eventstore.Folds[int]{
		eventstore.On(Placed, func(cents int, e OrderPlaced) int { return cents + e.Cents }),
		eventstore.On(Paid, func(cents int, e OrderPaid) int { return cents - e.Cents }),
	}
	cents := 0
	for e, err := range store.All(ctx, 0) {
		if err == nil {
			cents, err = owed.Apply(cents, e.Event)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(cents, "cents are owed")
	// Output:
	// 500 cents are owed
}

// The store is an outbox: a projection publishes what is stored, in order, and goes on where
// it was after a crash. An event may come twice then, with the same ID.
func ExampleProjection_bus() {
	ctx, stop := context.WithCancel(context.Background())
	store, _, end := openExample(ctx)
	defer end()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	_ = Placed.Handle(bus, "mailer", func(_ context.Context, e OrderPlaced) error {
		fmt.Println("mail for order", e.ID)
		return nil
	})

	publisher := store.Project(eventstore.Projection{Name: "publisher", Every: func(ctx context.Context, in eventstore.Effect) error {
		return bus.Publish(ctx, in.Event.Type, in.Event.Event)
	}})
	_ = publisher.Create(ctx)
	var running sync.WaitGroup
	running.Go(func() { publisher.Run(ctx) })

	_, err := Place(ctx, store, OrderPlaced{ID: "o-7", Cents: 500})
	err = errors.Join(err, publisher.Wait(ctx), bus.Close(ctx))
	fmt.Println(err)
	stop()
	running.Wait()
	// Output:
	// mail for order o-7
	// <nil>
}

// A change of a table and an event are one transaction.
func ExampleStore_In() {
	ctx := context.Background()
	store, db, end := openExample(ctx)
	defer end()
	_, _ = db.ExecContext(ctx, `CREATE TABLE notes (text TEXT)`)

	tx, _ := db.BeginTx(ctx, nil)
	_, err := tx.ExecContext(ctx, `INSERT INTO notes VALUES ('fragile')`)
	err = errors.Join(err, Placed.Publish(ctx, store.In(tx).To("order/o-7", eventstore.NoStream), OrderPlaced{ID: "o-7"}))
	fmt.Println(errors.Join(err, tx.Commit()))
	store.Wake()

	order, version, err := Orders.Load(ctx, store, "o-7")
	fmt.Println(order.Status, version, err)
	// Output:
	// <nil>
	// placed 1 <nil>
}
