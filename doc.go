// Package sinew joins the other packages of this module: a [Service] that starts,
// registers, serves and stops in the right order, and a [Client] that calls other
// services with discovery, load balancing, a circuit breaker, an adaptive limit,
// budgeted retries, deadlines, traces and metrics enabled.
//
//	svc := sinew.New("inventory", sinew.Config{Version: "1.4.0", Registry: reg})
//	api.Reserve.Handle(svc, stock.Reserve)
//	svc.Main()
//
//	inventory := svc.Client("inventory")
//	reserve := api.Reserve.Endpoint(inventory)
//	got, err := reserve(ctx, &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
//
// Each part is a package of its own and works alone: endpoint, fault, registry,
// loadbalance, breaker, retry, limit, metrics, tracing, eventbus, config,
// transport/rest. This package only joins them, and simtest tests it in outages.
//
// # Middleware
//
// Middleware of routes, of clients' endpoints and of event handlers is an
// [endpoint.Middleware]: a function around an [endpoint.Func], which sees requests and
// responses as any.
//
//	func audited(next endpoint.Func) endpoint.Func {
//		return func(ctx context.Context, request any) (any, error) {
//			response, err := next(ctx, request)
//			slog.InfoContext(ctx, "audit", "request", request, "error", err)
//			return response, err
//		}
//	}
//
//	api.Reserve.Handle(svc, stock.Reserve, audited)
//	reserve := api.Reserve.Endpoint(inventory, audited)
//
// On a route it runs after the request is read and validated, and sees no headers.
// What must run earlier, such as authentication, is HTTP middleware: see
// [Service.Use].
//
// # Start and stop
//
// A service listens, starts its subscriptions and background jobs, waits until its
// readiness checks pass, and registers. If a check fails later, it deregisters until
// the check passes again. It stops in the opposite order: it deregisters, answers
// with "Connection: close" while its callers learn of that, closes its listener when
// the requests in flight are answered, drains its subscriptions (first those whose
// handlers publish to others), stops its jobs, and closes its connections. A handler
// that would go on, such as a stream of events, returns when [Service.Stopping] is
// closed.
//
// # What every server has
//
//   - time limits on reading and writing, and a size limit on headers
//   - an adaptive limit on how many requests its handlers answer at once
//   - a span and metrics per request
//   - a log line, with request id and trace, per failure of the service, and with
//     Config.AccessLog per request
//   - 500 for a handler that panics, with the stack in the log only
//   - problem documents for 404 and 405
//   - five pages: /healthz, /readyz, /metrics, /openapi.json and /docs, in which each
//     operation can be read and tried
//
// # What every client has
//
// Discovery, load balancing with outlier ejection, a circuit breaker, an adaptive
// limit, budgeted retries on other instances, a deadline that travels, a trace,
// metrics and a request id. The order, from the outside in: deadline, span and
// metrics of the whole call; retry; limit; breaker; balancer; the attempt. A second
// attempt joins the first one if that probes an instance on probation, or if the
// policy hedges. A refusal of the limit is not repeated.
//
// # Why a call ended as it did
//
// The error of a failed call is a [call.Trail] around the failure: its text
// names the instance of each attempt, how long it took and how it failed, and the
// time limit that ended the call. None of it leaves the process. With [Explain] a
// call reports more, whether it failed or not: the instances to choose from, the
// breaker, the limit and the budget.
//
// [ClientPolicy.Review] reports, before any call is made, how long a call takes and
// how many attempts it makes at most, and which settings cannot do what they say.
package sinew
