// Package metrics counts and times calls, in a Prometheus registry of your own: rate,
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
//	sinew_producer_events_total{service,topic,code}                  calls that published, by result
//	sinew_producer_event_duration_seconds{service,topic}             how long they took
//	sinew_consumer_events_total{service,topic,group,code}            deliveries handled, by result
//	sinew_consumer_event_duration_seconds{service,topic,group,code}  how long they took
//	sinew_consumer_redeliveries_total{service,topic,group}           those that were not the first
//	sinew_consumer_dead_letters_total{service,topic,group}           events that were put aside
//
// The label code is "ok" or the class of the error as package fault names it. An event that
// was put aside is handled: its code is "ok". Durations
// are histograms, and native histograms for a scraper that asks for these. The label
// caller is empty unless For sets it. A service, as package sinew makes it, sets all
// labels itself.
//
// # Guarantees
//
// Labels are bounded: the first 1000 operations and topics have series of their own (an
// operation that is called by one caller and served here counts as two). Further ones are
// counted as operation or topic "other" of service "other", and as caller "other" if they
// have a caller. An observation allocates nothing, except the first one with each code.
// All methods are safe for concurrent use.
package metrics
