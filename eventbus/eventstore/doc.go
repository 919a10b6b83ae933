// Package eventstore stores what happened as events, in a database of one's own: streams of
// events with versions, states that follow from them, and projections of all events into
// tables.
//
//	store, err := eventstore.New(eventstore.Config{DB: db})
//	err = store.Create(ctx) // the tables, if missing
//
// What can happen is a topic, and a state is a fold of it:
//
//	var Placed = eventbus.Topic[OrderPlaced]{Name: "order.placed"}
//
//	func (o Order) placed(e OrderPlaced) Order { return Order{ID: e.ID, Status: "placed", Owed: e.Cents} }
//
//	var Orders = eventstore.Aggregate[Order]{
//		Name:  "order",
//		Folds: eventstore.Folds[Order]{eventstore.On(Placed, Order.placed), eventstore.On(Paid, Order.paid)},
//	}
//
// [Aggregate.Update] loads a state, lets a function decide, and appends what that publishes:
//
//	order, err := Orders.Update(ctx, store, id, func(ctx context.Context, o Order, to eventbus.Publisher) error {
//		if o.Status != "placed" {
//			return fault.FailedPrecondition.Errorf("order %s is %s", id, o.Status)
//		}
//		return Paid.Publish(ctx, to, OrderPaid{ID: id, Cents: o.Owed})
//	})
//
// A [Projection] answers what no single stream can, such as the orders of a user:
//
//	byUser := store.Project(ByUser)
//	err = byUser.Create(ctx)
//	go byUser.Run(ctx)
//	rows, err := byUser.Query(ctx, `SELECT id, owed FROM {table} WHERE user_id = ?`, user)
//
// # Guarantees
//
//   - All or nothing: the events of one [Store.Append] are stored one after the other in
//     their stream, if the stream has the version that is expected. [Store.In] appends and
//     reads in a transaction of the caller.
//   - Once: an append that is repeated with the same event IDs is recognized.
//   - One order: all events have positions, which never change, the same for every reader.
//     Events of one stream are in the order of their versions, and an event is behind all
//     that were committed before its transaction wrote it.
//   - Nothing is skipped: who has seen a position has seen all lower ones, however late a
//     transaction commits. An open transaction delays no event of another.
//   - Effects count once: a projection's changes and its position are one transaction.
//     Several processes may Run it, of which one works; one that was overtaken commits
//     nothing.
//   - Nothing is passed over in silence: a projection stands at an event that it cannot
//     handle, and tries it again: see [Store.Projections], [Store.Skip], and the metric
//     sinew_projection_failing. A state is not loaded from events of which the aggregate
//     cannot read one.
//
// # Rebuilds
//
// A projection whose tables or handlers change gets a higher Version. The new version builds
// tables of its own from the first event on. Until it has caught up, its queries read those
// of the version before, which processes of the old program keep up to date; or the new one,
// where it runs the old definition, too. Then they read the new ones.
// [Projector.Ready] lets an instance wait for that, and [Projector.Remove] drops old tables.
//
// # Events on a bus
//
// A projection may publish: the example of Projection shows how. Its event arrives at least
// once, in the order of all events. To publish other events than those that are stored, use
// package outbox in the transaction of the append, or in that of a projection: Effect.Tx.
//
// # Databases
//
// SQLite (3.35 or newer), PostgreSQL and MySQL, and databases compatible with one of them,
// over any database/sql driver. Events are stored as JSON of at most 4 MiB. On MySQL, the
// store's own transactions are READ COMMITTED, which needs binlog_format ROW or MIXED. All
// times are the database's.
package eventstore
