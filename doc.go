// Package sinew is the paved road: a [Service] that starts, serves, is found
// and stops in the right order, and a [Client] that reaches other services with
// everything on.
//
//	svc := sinew.New("inventory", sinew.Config{Version: "1.4.0", Registry: reg})
//	api.Reserve.Handle(svc, stock.Reserve)
//	svc.Main()
//
//	inventory := svc.Client("inventory")
//	reserve := api.Reserve.Endpoint(inventory)
//	got, err := reserve(ctx, &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
//
// Each part lives in a package of its own and works alone: endpoint, fault,
// registry, loadbalance, breaker, retry, limit, metrics, tracing, eventbus,
// config, transport/rest. This package only joins them, and simtest tests it in
// outages.
//
// # Start and stop
//
// A service listens, begins its subscriptions and background jobs, waits until
// its readiness checks pass, and registers. When a check fails later it
// deregisters until the check passes again. It stops in the opposite order:
// it deregisters, answers with "Connection: close" while the news spreads,
// ends its listener when the requests in flight are answered, drains its
// subscriptions, those first whose handlers publish to others, ends its jobs,
// and closes its connections.
//
// # What every server has
//
// Time limits on reading and writing, a size limit on headers, a limit on how many
// requests its handlers answer at once, which finds itself, a span and metrics per
// request, panics answered as 500 with the stack in the log alone, 404 and 405 as
// problem documents, and four pages: /healthz, /readyz, /metrics and
// /openapi.json.
//
// # What every client has
//
// Discovery, load balancing with outlier ejection, a circuit breaker, an adaptive
// limit, budgeted retries on other instances, a deadline that travels, a trace,
// metrics and a request id. The order, from the outside in: deadline, span and
// metrics of the whole call; retry; limit; breaker; balancer; the attempt, which a
// second one joins where it is a probe of an instance on probation, or hedged. A
// refusal of the limit is not repeated.
//
// # Why a call went as it did
//
// The error of a call that failed is an [endpoint.Trail] around the failure: its
// text names the instance of each attempt, how long it took and how it failed, and
// the time limit that ended the call. None of it leaves the process. With [Explain]
// a call tells more, whether it failed or not: the instances that there were to
// choose from, the breaker, the limit and the budget.
//
// [ClientPolicy.Check] says before any call is made how long one takes and how many
// attempts it makes at most, and which settings cannot do what they say.
package sinew
