// Package metrics counts and times calls on the user's own Prometheus registry: rate,
// errors and duration of every operation.
//
//	red := metrics.New(prometheus.DefaultRegisterer)
//	ep = ep.With(red.ClientMiddleware("orders.Place"))
//
// # Series
//
//	sinew_client_requests_total{caller,service,operation,code}       calls made, by result
//	sinew_client_request_duration_seconds{caller,service,operation}  how long they took
//	sinew_server_requests_total{service,operation,code}              calls served, by result
//	sinew_server_request_duration_seconds{service,operation}         how long they took
//	sinew_producer_events_total{service,topic,code}                  publishings, by result
//	sinew_producer_event_duration_seconds{service,topic}             how long they took
//	sinew_consumer_events_total{service,topic,code}                  events handled, by result
//	sinew_consumer_event_duration_seconds{service,topic}             how long they took
//
// code is "ok" or the class of the error as package fault names it. Durations are
// histograms; they are native ones if the scraper asks for them.
//
// # Guarantees
//
// Labels are bounded: after 1000 operations and topics, further ones are counted as
// operation "other" of service "other". An observation allocates nothing. All methods are
// safe for concurrent use.
package metrics
