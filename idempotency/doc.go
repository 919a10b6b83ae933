// Package idempotency runs an operation once, however often a caller repeats it.
//
// A caller gives all repeats of one operation the same key (the header Idempotency-Key, or
// call.Record.IdempotencyKey). The first use of the key runs the operation. For a day,
// every later use gets the answer of the first:
//
//	keys := idempotency.NewMemory() // idempotency.SQL for several instances
//	charge = charge.With(idempotency.Middleware[*Charge, *Receipt](keys))
//
// [Middleware] is for endpoints of any transport. A Keyed route of package transport/rest
// does the same for HTTP, and repeats status and headers as well. eventbus.Dedupe does it
// for events, by their id. [Once] is for everything else.
//
// # What is guaranteed
//
// While the first use of a key runs, other uses are refused with 409 and reason key_in_use.
// A key that comes with another request than before is refused with 422 and reason
// key_reused. Keys of different callers (call.Record.Subject) and of different operations
// are separate. After an error of the operation, the next use of the key runs it again.
//
// If a process dies after the operation has changed something and before its answer is
// stored, a use of the key runs the operation again, from a minute later. A handler that
// stores its answer in the transaction of the change, with [SaveAnswer], prevents that.
// docs/design.md of the repository says what is guaranteed at each step.
//
// # Stores
//
// [Memory] serves one instance, [SQL] any number of them on one database. Both are safe for
// concurrent use, and so must be a [Store] of your own.
package idempotency
