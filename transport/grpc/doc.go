// Package grpc carries endpoints over gRPC. A [Method] is the contract of one operation,
// declared once and used by both sides. Only the messages are generated:
//
//	var CreateOrder = grpc.Method[*pb.CreateOrderRequest, *pb.OrderResponse]{Name: "/api.OrderService/CreateOrder"}
//
//	CreateOrder.Handle(svc, orders.Create)             // the service, beside its REST routes
//	create := CreateOrder.Endpoint(svc.Client("order")) // its caller
//
// The name is checked against the descriptors of the messages when the method is used for
// the first time: a method that no linked file has, or that has other messages or is a
// stream, panics and names both.
//
// [ServerStream], [ClientStream] and [BidiStream] are methods with streams, which are
// iterators:
//
//	for event, err := range watch(ctx, &pb.WatchRequest{}) {
//
// # What is spoken
//
// A handler answers gRPC, gRPC-Web and Connect, in protobuf and in JSON, on the port of
// its mux. It reads messages that are compressed with gzip, and compresses none. gRPC
// needs HTTP/2, which a sinew.Service speaks with and without TLS. The
// caller's side speaks gRPC.
//
// [ProtoJSON] and [Protobuf] are codecs with which messages are requests and answers of
// routes of package rest, too.
//
// # Errors
//
// A failure is a status of gRPC, and a [fault.Error] on both sides, with the code, the
// message and everything else that a problem document of package rest has: it travels in
// the trailer X-Problem, so that it crosses hops over gRPC and REST in any order. Callers
// that do not know sinew find the reason as google.rpc.ErrorInfo and the wait as
// google.rpc.RetryInfo, and what is wrong with which field as google.rpc.BadRequest. These
// are read from the answers of others, and so is grpc-retry-pushback-ms. Data that only
// [fault.Error.Details] has does not travel.
//
// # Metadata
//
// The metadata of package rest travels under the same names. The deadline is that of
// grpc-timeout or Connect-Timeout-Ms, or X-Request-Timeout if that is shorter.
//
// A handler reads the metadata of its request, and sets that of its answer, through
// connect.CallInfoForHandlerContext. In a stream, what it sets after its function has
// returned the iterator comes too late for the header.
//
// # Idempotency
//
// A Keyed method runs once per idempotency key, as a Keyed route of package rest does. A
// method that its file declares as IDEMPOTENT or NO_SIDE_EFFECTS is safe to repeat, too.
//
// # Streams
//
// A stream may take any time: the time limits of the server for a request and its answer
// do not apply to it, nor does the timeout of the client once the stream has begun. It
// occupies no place in the limit of the service. When the service stops, the context of a
// stream ends and its caller gets fault.Unavailable. Either side may be slow: the other
// waits in its next message. A caller that stops its iteration cancels the stream. Only a
// stream that has not begun is repeated.
//
// # Health and reflection
//
// The first method on a mux adds grpc.health.v1 and the reflection of gRPC, v1 and
// v1alpha, so that grpcurl and the probes of Kubernetes work. Health reports what /readyz
// of a sinew.Service does, for the whole server and for each service by name. A mux that
// is neither an [http.ServeMux] nor has a method Handlers() []http.Handler gets neither.
package grpc
