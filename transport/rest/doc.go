// Package rest carries endpoints over HTTP as JSON. A [Route] is the contract
// of one operation, declared once and used by both sides:
//
//	var Reserve = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /inventory/{product_id}/reserve"}
//
//	Reserve.Handle(mux, stock.Reserve)              // the service
//	reserve := Reserve.Endpoint(rest.At(url, nil))  // its caller
//
// Patterns are those of [http.ServeMux], and anything with its Handle method
// serves a route.
//
// # Requests
//
// A request is a struct, a pointer to one, or [None]. Fields tagged path, query
// or header travel there; all others are the JSON body:
//
//	type ReserveRequest struct {
//		ProductID string `path:"product_id" json:"-"`
//		DryRun    bool   `query:"dry_run" json:"-"`
//		Quantity  int    `json:"quantity"`
//	}
//
// A tagged field is a string, number, bool, [time.Time], [time.Duration], a
// type with UnmarshalText, a type based on one of these, or a pointer to one,
// nil when absent; in a query also a slice. It may be a field of a struct that
// the request embeds, but not of one that it embeds by pointer. It is set after
// the body was read and keeps nothing from it. GET, HEAD and DELETE have no body. Where a request
// has no body fields, none is needed and one that comes is ignored.
//
// A request with a method Validate() error is checked before the endpoint runs.
//
// # Errors
//
// Every failure is an application/problem+json document that the caller's side
// turns back into the error it was: errors.Is(err, fault.NotFound) holds on both
// sides. Refused with 400: malformed JSON, a wrong type (the message names the
// place), data after the value, bytes that are no UTF-8, nesting deeper than 100
// and, when Strict, unknown fields; with 413 a body over the limit, with 415 a
// body that is not declared as JSON. [Problems] does the same for what the mux
// answers itself, unknown paths and methods. A panic becomes a 500 and a line in
// the log with its stack. The log also has the cause of a failure, which the
// caller is not shown.
//
// # What travels along
//
// X-Request-Timeout (the time left, as "1500ms"; none left is 504),
// X-Request-ID, the trace (W3C and B3), X-Service-Name, X-Request-Attempt and
// X-Request-Priority, in an [endpoint.Call] on the server. What is malformed is
// ignored. The last three count only from trusted callers; see [Accept].
//
// # Idempotency
//
// The caller's side of a Keyed route sends one Idempotency-Key per call, the
// same with every repeat. The server runs a key once and replays its answer,
// with the header Idempotency-Replayed: true. A key whose first use still runs is
// 409 key_in_use, one that came with another request before 422 key_reused, one
// that is not printable ASCII of at most 128 bytes 400. A request is the same when
// its path, query, tagged headers and body are. Callers that differ in
// Authorization, Cookie or a trusted X-Service-Name do not meet, nor do routes.
// Kept are successes and refusals that a repeat would meet again; not a 5xx, a
// panic, 401, 429, a conflict, or a request that was malformed. A request without
// a key runs each time.
package rest
