// Package grpcgo is for services that stay on grpc-go (google.golang.org/grpc) and its
// generated code. It gives their calls what a sinew.Client has, and their server what a
// sinew.Service has. Package transport/grpc is for those who have not chosen yet.
//
//	conn := grpcgo.NewConn(svc.Client("order"))
//	defer conn.Close()
//	orders := pb.NewOrderServiceClient(conn)
//
//	server := grpc.NewServer(grpcgo.Server{Name: "order"}.Options()...)
//	pb.RegisterOrderServiceServer(server, orders)
//
// # Calls
//
// A call through a [Conn] has discovery, the choice of an instance, ejection, a breaker,
// a limit, repeats within a budget, a deadline, metrics and a trace: whatever its
// call.Caller has. A method that its file declares as IDEMPOTENT or NO_SIDE_EFFECTS is
// safe to repeat; another one is repeated only if no handler ran.
//
// A stream is repeated only until it has a connection. Its messages take any time, which
// the timeout of the client does not limit.
//
// # Connections of grpc-go
//
// Those who must stay with grpc.NewClient, or with a registry alone, give it a [Client]:
//
//	conn, err := grpc.NewClient("sinew:///order", append(options,
//		grpcgo.Client{Name: "order", From: "web", Registry: reg}.Options()...)...)
//
// The resolver and the balancer work without the interceptors, too: the balancer is named
// "sinew" in a service config, and its config is a loadbalance.Policy as JSON:
//
//	grpc.WithResolvers(grpcgo.NewResolver(reg)),
//	grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"sinew": {"zone": "eu-1"}}]}`)
//
// The balancer has a connection to every instance. One that cannot be connected gets no
// call; when it can be again, it starts slowly, as a new one does. Each call is reported
// to the pool when it ends, and a stream when it has begun if there are interceptors. A
// call to an instance on probation is not hedged.
//
// # Requests
//
// A request to a [Server] has a record (call.Of), a span, metrics, a place in the limit
// and a log line if it fails. A handler that panics answers INTERNAL, with the stack in the
// log only. A request whose deadline has passed is refused before its handler runs. A
// stream occupies no place in the limit, though a limit refuses it like any other request.
// The methods of grpc.health.v1 pass untouched.
//
// # Failures
//
// A handler returns a [fault.Error], or a status of grpc-go as before. The Error travels
// as package transport/grpc has it: the code and the message as the status, the reason as
// google.rpc.ErrorInfo, the wait as google.rpc.RetryInfo, the violations as
// google.rpc.BadRequest, and all but the violations and the details in the trailer
// X-Problem too. A status that the handler has made is sent as it is. An error that is
// neither is sent as its class only.
//
// The error of a call is both: errors.As finds the [fault.Error], and status.FromError the
// status.
//
// # Metadata
//
// The metadata of package rest travels under the same names, in lower case. The deadline
// is that of grpc-timeout, or x-request-timeout if that is shorter.
package grpcgo
