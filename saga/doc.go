// Package saga runs work that takes several steps in several services, and undoes what was
// done if a later step fails. A run survives the death of its process.
//
//	var Checkout = saga.Definition[Order]{Name: "checkout", Steps: []saga.Step[Order]{
//		{Name: "reserve", Do: reserve, Undo: release},
//		{Name: "pay", Do: pay, Undo: refund, Timeout: time.Minute},
//		{Name: "ship", Do: ship},
//	}}
//
//	run := saga.New(Checkout, saga.SQL{DB: db}) // its Create makes the tables
//	svc.Go(run.Run)                             // in any number of processes
//	err := run.Start(ctx, order.ID, order)      // durable when it returns
//	end, err := run.Wait(ctx, order.ID)
//
// A step is an endpoint, so every middleware applies. It may be a branch of [Step.Parallel],
// wait for an event ([On]) or for a time, or be another saga ([Sub]); [TCC] is the shape try,
// confirm, cancel.
//
// # Guarantees
//
//   - A run ends done, with all steps done, or undone, with all that may have begun undone in
//     the reverse order of their ends. Until then a worker works on it, it waits for
//     something that [Runner.Get] names, or it is parked: listed by [Runner.Stuck], counted
//     in a metric and logged as an error, never forgotten.
//   - A step runs at least once. It runs again if the process dies after it was done and
//     before that was saved, so Do and Undo have to be idempotent. Their idempotency key is
//     the same each time, so that a keyed route that they call runs once.
//   - Undo is called for every step that may have begun, even if nothing was done, because an
//     attempt whose outcome is unknown may have had its effect. So Undo must not trust the
//     state alone: the state of an attempt that failed is dropped.
//   - One worker at a time: whoever claims a run has a lease and a token that is greater than
//     every one before it. A worker whose claim is lost can save nothing, and the contexts of
//     its steps end with the lease. A call that it made may still arrive: the key makes it
//     harmless.
//   - After each step the state and the history are saved in one transaction. Waits are
//     saved, too; no goroutine sleeps for them.
//   - An event, or what an operator wants, is stored when the method returns nil, and is
//     applied by the worker once, in order. None is lost between two workers.
//   - Once a [Step.Pivot] is done there is no way back. A Cancel that comes while it runs
//     counts if the pivot fails.
//   - All times are the database's, so that the clocks of the instances may differ.
//
// CheckCrashes of package sagatest finds out whether the steps of a saga bear all that.
//
// # Versions
//
// A run ends under the version under which it began. Raise [Definition.Version] with the
// steps, and leave the old definition in [Definition.Earlier] until its runs have ended. A
// worker leaves runs of a version that it does not know to others.
//
// # Databases
//
// [SQL] works on SQLite, PostgreSQL and MySQL, and on databases compatible with one of them.
// [SQL.In] starts a run in the transaction of the change with which it belongs. [Memory] ends
// with its process. Package saga/temporal runs the same definitions on Temporal.
package saga
