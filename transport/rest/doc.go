// Package rest carries endpoints over HTTP as JSON. A [Route] is the contract
// of one operation, declared once and used by both sides:
//
//	var Reserve = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /inventory/{product_id}/reserve"}
//
//	Reserve.Handle(mux, stock.Reserve)              // the service
//	reserve := Reserve.Endpoint(rest.Remote(url, nil))  // its caller
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
// the body was read and keeps nothing from it. A parameter or header of a field that is
// no slice is refused when it is there twice. A header loses the blanks around its value
// on its way, as HTTP has it. GET, HEAD and DELETE have no body. Where a request has no
// body fields, none is needed and one that comes is ignored.
//
// Bodies and answers are what encoding/json makes of a type, with the methods of its
// pointers, with two differences. In an answer a nil slice or map is written as [], {}
// or "", not as null, so that clients in other languages need not expect null for a
// list; what is in an interface, or what writes itself, stays as it is. In what is read,
// an object that has one member twice is refused, also where upper and lower case make
// the difference and both come to one field, or two forms of a number to one key of a
// map: whoever looks at it on the way might take another one of the two. An answer of null is none, and fault.Internal, unless Resp can
// be null: an interface, a type with its own UnmarshalJSON, or read alone, a slice or map.
//
// A request with a method Validate() error is checked before the endpoint runs.
//
// # Errors
//
// Every failure is an application/problem+json document that the caller's side
// turns back into the error it was: errors.Is(err, fault.NotFound) holds on both
// sides. After a HEAD, which has no body, the document is in the header X-Problem, without
// its details. Refused with 400: malformed JSON, a wrong type (the message names the
// place), data after the value, bytes that are no UTF-8, an escape for half of a
// character, nesting deeper than 100, a member that is there twice and, when Strict, one
// that is not spelled as the type has it; with 413 a body over the limit, with 415 a body
// that is not declared as JSON, or has a Content-Encoding that no middleware has taken
// off. [Problems] does the same for what the mux answers itself, unknown paths and
// methods. A panic becomes a 500 and a line in the log with its stack. The log also has
// the cause of a failure, which the caller is not shown. A document has 4 KiB of a
// message and 20 faults of a Validate that joins them, at most.
//
// An answer larger than [Route].MaxAnswer is the callee's failure. A redirect is followed
// for GET and HEAD alone, and only within the scheme, host and port of the instance: what
// travels with a request is meant for no one else.
//
// # What travels along
//
// X-Request-Timeout (the time left, as "1500ms"; none left is 504),
// X-Request-ID, the trace (W3C and B3), X-Service-Name, X-Request-Attempt and
// X-Request-Priority, in an [endpoint.Call] on the server. What is malformed is
// ignored. The last three count only from trusted callers, and a deadline of others
// blames nobody; X-Request-Timeout-Untrusted tells the next service that it is
// theirs. See [Accept].
//
// # Idempotency
//
// The caller's side of a Keyed route sends one Idempotency-Key per call, the
// same with every repeat. The server runs a key once and replays its answer,
// with the header Idempotency-Replayed: true. A key whose first use still runs is
// 409 key_in_use, one that came with another request before 422 key_reused, one
// that is not printable ASCII of at most 128 bytes 400. A request is the same when
// its path, query, tagged headers and body are. A request without a key runs each
// time; one with an empty key, with two, or with one that is too long is refused.
//
// Keys of different routes do not meet, nor do those of different callers: of
// different subjects, where [Mux] says who sent a request, or else of different
// verified certificates, by the names in them. Whom neither tells apart share their
// keys, but not their answers: a key that comes with another Authorization, Cookie or
// other header that is named like a credential (X-Api-Key, X-Auth-Token, X-Tenant, …)
// than at first, or with another certificate that has no name or that nobody has
// verified, is 422 key_of_other_credentials. It neither runs again nor gets what another
// caller was told. So a caller whose token was renewed between two repeats
// gets its answer only where Subject knows it by name. A service that knows its
// callers by something with another name needs Subject, or a tagged field for it.
//
// Successes are kept for a day, and refusals that a repeat would meet again for a
// minute. Not kept are a 5xx, a panic, 401, 429, a conflict, or a request that was
// malformed: a repeat runs again. An answer that has no JSON form, or more than
// 4 MiB, fails every repeat with 409 answer_not_kept. For an answer that is there
// exactly when the handler's changes are, see [endpoint.Keep].
package rest
