// Package rest carries endpoints over HTTP as JSON. A [Route] is the contract of one
// operation, declared once and used by both sides:
//
//	var Reserve = rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /inventory/{product_id}/reserve"}
//
//	Reserve.Handle(mux, stock.Reserve)                 // the service
//	reserve := Reserve.Endpoint(rest.Remote(url, nil)) // its caller
//
// Patterns are those of [http.ServeMux]. Anything with the method Handle of a ServeMux
// can serve a route: see [Mux]. Package transport/gin, a module of its own, serves routes by
// an engine of Gin; docs/routers.md shows other routers. A [Prefix] such as "/v1" puts
// routes under it, on both sides. A [Codec] is another form of bodies than JSON.
//
// # Requests
//
// A request is a struct, a pointer to one, or [endpoint.None]. Fields tagged path, query,
// header or cookie travel there; all others are the JSON body:
//
//	type ReserveRequest struct {
//		ProductID string `path:"product_id" json:"-"`
//		DryRun    bool   `query:"dry_run" json:"-"`
//		Cart      string `cookie:"cart" json:"-"`
//		Quantity  int    `json:"quantity"`
//	}
//
// A tagged field is a string, number, bool, [time.Time], [time.Duration], [url.URL], a type
// with UnmarshalText such as [netip.Addr], a type based on one of these, or a pointer to
// one, which is nil if the value is absent; in a query or a header it may also be a slice,
// and a cookie also an [http.Cookie] with its name and value. A zero value is not sent. The
// field may be one of a struct that the request embeds, but not of one that it embeds by
// pointer. It is set after the body is read; what the body has set in it is lost, even if
// the parameter is absent. Tag it json:"-" to leave it out of the body.
//
// A parameter, header or cookie that occurs twice is refused unless its field is a slice;
// each line of a header is one value. HTTP removes the blanks around the value of a header.
// GET, HEAD and DELETE have no body. A request without body fields needs no body, and a
// body that arrives is ignored.
//
// A parameter in a query, a header or a cookie may have a default, and a string type with
// the method Enum() []string lists the values that a parameter may have, for all of its
// fields: see [Enumerator]. The OpenAPI document has both.
//
//	Limit int   `query:"limit" default:"20" json:"-"`
//	Order Order `query:"order" default:"newest" json:"-"`
//
// The default counts where the parameter is absent. A caller's zero value is absent, too;
// to send a zero, make the field a pointer.
//
// Bodies and answers are what encoding/json makes of a pointer to the type, so that
// methods such as MarshalJSON count also if they have a pointer receiver. There are three
// differences:
//
//   - In an answer a nil slice or map is written as [], {} or "", not as null, so that
//     clients in other languages need not expect null for a list. What is in an
//     interface, or encodes itself, is not changed.
//   - In what a service reads, a number such as 2.0 or 1e3 is an integer, as it is for
//     JSON Schema.
//   - In what is read, an object with a duplicate member is refused, since a proxy on
//     the way might use the other one of the two. Two members are duplicates, too, if
//     they differ only in upper and lower case and set the same field, or are two
//     forms of a number for the same key of a map.
//
// An answer of null counts as no answer, which is fault.Internal, unless Resp can be null:
// an interface, a type with its own UnmarshalJSON, or, for the side that reads, a slice or
// map.
//
// A request with a method Validate() error is validated before the endpoint runs, if
// nothing was wrong with what it was read from: Validate never sees a part of a request.
// Its error is a [fault.Violation] to name the field that it is about, and joins several
// with errors.Join:
//
//	func (r *ReserveRequest) Validate() error {
//		if r.Quantity < 1 {
//			return fault.Violation{Pointer: "/quantity", Detail: "it must be at least 1"}
//		}
//		return nil
//	}
//
// # Headers of an answer
//
// Fields of an answer that are tagged header or cookie travel in its header, by the rules
// of a request:
//
//	type Created struct {
//		ID       string       `json:"id"`
//		Location *url.URL     `header:"Location" json:"-"`
//		Session  *http.Cookie `cookie:"session" json:"-"`
//	}
//
// A zero field is absent, and so is a nil pointer; a slice is several lines. A cookie is an
// [http.Cookie], or a pointer to one, since a mere value would be set without attributes;
// its name is that of the tag. A field without json:"-" is in the body, too; at the caller
// the header counts, even if it is absent. An answer whose fields all travel in the header
// has no body, so that also a HEAD and a 204 can have one.
//
// A value that no header or cookie may have is the handler's failure, and one that the
// caller cannot read the callee's: both are fault.Internal. The stored answer to an
// idempotency key has its header with it, cookies included.
//
// # Lists
//
// A long list is answered in pages: a [Page] has the [Cursor] of the next one, and [All]
// reads them one after the other.
//
// # Streams and files
//
// A field tagged body is the whole body of a request or an answer, instead of JSON. The tag
// has the media types that it may have; none is application/octet-stream. The field is a
// []byte, or a reader, which streams a body of any size: an io.Reader in a request, an
// io.ReadCloser in an answer, which the caller must close. All other fields travel
// elsewhere; one tagged `header:"Content-Type"` has the actual type:
//
//	type Picture struct {
//		Type string        `header:"Content-Type" json:"-"`
//		ETag string        `header:"ETag" json:"-"`
//		Body io.ReadCloser `body:"image/png, image/*"`
//	}
//
// A request of another type is refused with 415, a larger one than [Route].MaxBody with 413.
// The reader of a request is sent once: the call is repeated only if nothing has been read of
// it, or if it is an io.Seeker, and only after a failure that says that nothing ran. A call
// for a reader has succeeded when the header of its answer has arrived. What follows lasts as
// long as the caller's context, and an answer that is cut off is an error of Read, never an
// end.
//
// The answer to a GET that is a []byte, or an io.Seeker such as an *os.File, has ranges and
// conditions: Range, If-Range, If-Match, If-None-Match, If-Modified-Since and
// If-Unmodified-Since, by its fields tagged `header:"ETag"` (in double quotes) and
// `header:"Last-Modified"`. A caller sends these by fields of its request, and an answer of
// 304 has a nil body. A time.Time in Last-Modified and the like travels as an HTTP date. The
// name of a file is mime.FormatMediaType("attachment", map[string]string{"filename": name})
// in Content-Disposition. The route closes what it serves.
//
// An answer of type iter.Seq2[T, error] is a stream of values. An error of the handler is the
// usual refusal; one in the stream is the last thing in it, on both sides. The caller's side
// calls anew with each iteration. The stream ends when its caller goes, when the service
// stops ([Mux]), or when the iteration ends; a handler that waits must watch its context,
// which a middleware such as endpoint.Timeout would end as soon as the handler returns. It
// occupies no place in the limit of a sinew.Service, has no time limit, and sends a
// heartbeat after 15 seconds of silence. A caller that accepts nothing for 30 seconds is
// gone.
//
// It travels as server-sent events, or as lines of JSON if the header Accept prefers
// application/x-ndjson. Each event has a value as its data; with T an [Event] it has an id and
// a type, too, and a request has the last id in a field tagged `header:"Last-Event-ID"`. The
// last event has the type end, upon which an EventSource in a browser must be closed, or
// error, with a problem document. A stream without either was cut off, and fails with
// fault.Unavailable. Lines have a failure as {"error":{…}} in the last of them; a value that
// looks like one has a blank before its first colon. A callee that answers with 204 has no
// values.
//
// [Follow] is a caller that comes back where a stream is cut off: it sends the id of the last
// event, and waits as long as the Retry of an event suggests.
//
// To give a stream headers and cookies, make it a field of the answer, tagged body. An empty
// tag leaves the caller the choice between events and lines, a media type makes it one of
// them:
//
//	type Feed struct {
//		Total  int                             `header:"X-Total" json:"-"`
//		States iter.Seq2[Event[*State], error] `body:"text/event-stream"`
//	}
//
// Its caller has the headers before the first value. The call is made at once, and not with
// each iteration: iterate once, or end the context, or the connection stays open.
//
// A field of type iter.Seq2[T, error], tagged `body:"application/x-ndjson"`, streams many
// values of a request: each is checked like a body of JSON, and MaxBody is that of each. One
// of type [Parts], tagged `body:"multipart/form-data"`, streams a form with files. What is
// wrong with such a body is an error in the iteration, for the handler to return.
//
// [Route.Forward] passes on a body that is streamed while it arrives. A Keyed route may have
// no streamed body, since its answer is stored and its request compared.
//
// # Errors
//
// Every failure is an application/problem+json document, which the caller's side turns
// back into the original error: errors.Is(err, fault.NotFound) holds on both sides. After
// a HEAD, which has no body, the document is in the header X-Problem, without its errors
// and details.
//
// A wrong request is refused with 400 and all of its faults at once: those of path, query,
// headers and cookies, and those of the body, or else those that Validate finds. The
// document has them as errors, with a JSON Pointer (RFC 6901) into the body or the name of
// a parameter, and the caller's error as Violations:
//
//	{"code":"invalid_argument","status":400,"detail":"query parameter dry_run: …; quantity: …","errors":[
//		{"parameter":"dry_run","in":"query","detail":"true or false is expected, not \"maybe\""},
//		{"pointer":"/quantity","detail":"a JSON string does not fit here"}]}
//
// Faults of a body are a value of a wrong type, nesting deeper than 100, a duplicate
// member and, if [Route].Strict is set, a member that is not spelled as in the type. A
// body that is no JSON is one fault: malformed, with data after the value, invalid UTF-8,
// or an escape for half of a surrogate pair. If one fault is all, and is an error of the
// body's own decoder with a class, such as fault.NotFound, the refusal has that class.
//
// A body over the limit is refused with 413; a body that is not declared as JSON, or has a
// Content-Encoding that no middleware has decoded, with 415. [ProblemMux] writes such
// documents for what a ServeMux answers itself: unknown paths and methods.
//
// A panic becomes a 500 and a log line with the stack. The log also has the cause of a
// failure, which the caller does not see. A document has at most 4 KiB of a message, and
// the first 20 faults.
//
// An answer larger than [Route].MaxAnswer is the callee's failure. A redirect is followed
// only for GET and HEAD, and only within the scheme, host and port of the instance: what
// travels with a request is meant for no one else.
//
// # The OpenAPI document
//
// [OpenAPI] describes routes by their types. What Validate refuses, the types do not say;
// tags do, for the document alone. They are doc (a description), example (a text, or JSON
// for a field that is none), and schema with keywords of JSON Schema: required, format,
// minimum, maxLength, minItems, uniqueItems and the like, and pattern as the last one:
//
//	Quantity int    `json:"quantity" schema:"required,minimum=1" doc:"In pieces." example:"3"`
//	SKU      string `json:"sku" schema:"required,pattern=^[A-Z]{1,4}-[0-9]+$"`
//
// A required member may not be null. Nobody checks that a Validate does what the tags say
// but a tool that sends what the document allows, such as schemathesis. The document has the
// statuses with which a route refuses, and what [Route].Failures lists.
//
// [Docs] is a page in which every operation of a document can be read and tried.
//
// # Security
//
// A [Security] names the schemes by which callers prove who they are: a bearer token, a key,
// a password, a certificate, OAuth 2 or OpenID Connect. What it checks is what the document
// says, since both are made of it. A sinew.Service has it as Config.Security, another mux by
// [Security.Mux]; routes say what differs:
//
//	security := &rest.Security{Schemes: map[string]rest.SecurityScheme{
//		"token": {Bearer: "JWT", Check: verify}, // func(r, token, scopes) (context.Context, error)
//	}}
//	svc := sinew.New("order", sinew.Config{Security: security})
//
//	var ListPrices = rest.Route[...]{Pattern: "GET /prices", Public: true}
//	var PlaceOrder = rest.Route[...]{Pattern: "POST /orders", Scopes: []string{"orders:write"}}
//
// A caller without a valid credential is refused with 401 and WWW-Authenticate, before its
// request is read. A gateway that forwards routes checks their callers as well. A route that
// needs a scheme that its mux does not know panics at Handle, and so does one that names
// schemes or scopes on a mux without a Security. Where a middleware or a proxy checks
// callers, leave the Checks out: then the document alone has the schemes.
//
// # Metadata
//
// These headers travel with a request, and are in a [call.Record] on the server:
// X-Request-Timeout (the time left, as "1500ms"; a request with none left is answered
// with 504), X-Request-ID, the trace (W3C and B3), X-Service-Name, X-Request-Attempt and
// X-Request-Priority. Malformed ones are ignored. The last three count only from trusted
// callers. If the deadline of another caller passes, no policy counts that as anybody's
// failure; X-Request-Timeout-Untrusted says so to the next service. See [ReadMetadata].
//
// # Idempotency
//
// The caller's side of a Keyed route sends one Idempotency-Key per call, the same with
// every repeat: a random one, unless [call.With] gives another. The server runs a key
// once and replays its answer, with the header Idempotency-Replayed: true. A key whose
// first use still runs is refused with 409 and the reason key_in_use; one that arrived
// with another request before, with 422 and key_reused; one that is not printable ASCII
// of at most 128 bytes, with 400. A request is the same if its path, query, tagged
// headers and cookies, and body are. A request without a key runs each time; one with an
// empty key, with two, or with one that is too long is refused.
//
// Keys of different routes are separate, and so are those of different callers: of
// different subjects, if the [Mux] has a method Subject that says who sent a request
// (that of a sinew.Service is sinew.Config.Subject), or else of different verified
// certificates, by the names in them. Callers that neither distinguishes share their
// keys, but not their answers: a key is refused with 422 and key_of_other_credentials if
// it arrives with another Authorization, Cookie or other header that is named like a
// credential (X-Api-Key, X-Auth-Token, X-Tenant, …) than at first, or with another
// certificate that has no name or is not verified. Such a request neither runs nor gets
// the answer for another caller. So a caller whose token is renewed between two repeats
// gets its answer only if Subject returns its name. A service that identifies its callers
// by a header with a different kind of name needs Subject, or a tagged field for that
// header.
//
// Successes are stored for a day, and refusals that a repeat would meet again for a
// minute. A 5xx, a panic, 401, 429, a conflict and a malformed request are not stored:
// after them a repeat runs again. After an answer that has no JSON form, or more than 4
// MiB, every repeat fails with 409 and answer_not_kept. For an answer that is stored
// exactly when the handler's changes are, see [idempotency.SaveAnswer].
package rest
