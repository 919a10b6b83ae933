// Package idempotency runs what must happen once only once, however often it is requested.
//
// A caller gives all repeats of one operation the same key (the header Idempotency-Key, or
// call.Record.IdempotencyKey). The first one runs; every later one gets the answer of the
// first, for a day:
//
//	keys := idempotency.NewMemory() // idempotency.SQL for several instances
//	charge = charge.With(idempotency.Middleware[*Charge, *Receipt](keys))
//
// [Middleware] is for endpoints of any transport. A Keyed route of package rest does the
// same for HTTP, with status and headers; eventbus.Dedupe for events, by their id. [Once]
// is for everything else.
//
// # What is guaranteed
//
// While a key's first use runs, others are refused with 409 and reason key_in_use. A key
// that comes with another request than before is refused with 422 and reason key_reused.
// Keys of different callers (call.Record.Subject) and operations are separate.
//
// If a process dies between a change and its answer, the key runs again a minute later,
// unless the handler has stored its answer in the transaction of the change, with
// [SaveAnswer]. docs/design.md says what is guaranteed at each step.
//
// # Stores
//
// [Memory] serves one instance, [SQL] any number of them on one database. Both are safe for
// concurrent use, and so must be a [Store] of your own.
package idempotency
