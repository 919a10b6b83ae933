// Package outbox makes a change in a database and its events one: an event is published if,
// and only if, the transaction of the change commits. And it makes an event's effect count
// once, however often the event is delivered.
//
//	box, err := outbox.New(outbox.Config{DB: db, Bus: bus})
//	err = box.Create(ctx) // the tables, if missing
//	go box.Run(ctx)
//
//	tx, err := db.BeginTx(ctx, nil)
//	_, err = tx.ExecContext(ctx, `INSERT INTO orders …`)
//	err = order.Placed.Publish(ctx, box.In(tx), placed)
//	err = tx.Commit()
//	box.Wake()
//
// A handler of events notes in the transaction of its effect that the event is handled:
//
//	isNew, err := box.IsNew(ctx, tx, "ledger")
//	if err != nil || !isNew {
//		return err
//	}
//
// # Guarantees
//
//   - No event without its change, no change without its event: [Outbox.In] writes the event
//     into the transaction.
//   - At least once: an event leaves the outbox after the bus has accepted it. If the
//     process dies between the two, the event is published again, with the same ID.
//   - Order: events of one key are published one after the other, in the order in which
//     they were written. Where two transactions write events of one key at the same time,
//     that is the order of their writing, not of their commits: write the event after the
//     statement that locks the row which the key names.
//   - Late commits: a transaction may commit long after later ones. Its events are
//     published then, since the outbox asks for what is there, not for what is newer than
//     the last.
//   - One sender: of all processes that Run an outbox, one sends; the others take over
//     within [Config.Lease] after its death, and at once after a regular end. A sender that
//     lost its lease stops. One that was frozen while it published may publish what another
//     has published meanwhile: such an event is repeated, none is lost.
//   - A topic that fails waits, with growing pauses, and delays no other topic. A publication
//     delays the others as long as it lasts: the bus limits its time. An event that the bus
//     refuses for what it is (fault.InvalidArgument, such as one that is too large) is parked:
//     see [Outbox.Parked].
//
// # Databases
//
// SQLite, PostgreSQL and MySQL, and databases compatible with one of them, over any
// database/sql driver. Package outbox/postgres is for transactions of pgx, and wakes a
// sender at the commit of another process. All times are the database's, so that clocks of
// the instances may differ.
package outbox
