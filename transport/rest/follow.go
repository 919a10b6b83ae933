package rest

import (
	"context"
	"iter"
	"net/http"
	"reflect"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/backoff"
)

// How long [Follow] waits before it connects again. The callee's suggestion is the least that
// it waits; failures in a row make it wait longer.
const (
	usualReconnect = time.Second // if the callee suggests nothing
	minReconnect   = 100 * time.Millisecond
	maxReconnect   = time.Minute
	maxSuggestion  = 5 * time.Minute // of the callee; a longer one counts as this
)

// Follow returns the values of a stream of events, and connects again where it is cut off.
// stream is the endpoint of a route whose answer is an iter.Seq2, and whose request has a
// string tagged `header:"Last-Event-ID"`:
//
//	for event, err := range rest.Follow(ctx, watch, &WatchRequest{ID: "7"}) {
//
// Each connection has the id of the last event that was complete as Last-Event-ID. So if the
// callee goes on after that event, no value comes twice and none is lost. Before it connects
// again, Follow waits as long as the callee suggests (Retry of an [Event], or the RetryAfter of
// a failure, 5 minutes at most), else 1 s, and after failures in a row up to 1 minute, by
// decorrelated jitter.
//
// The values end where the stream does, by its event end or by an answer of status 204. A
// failure comes once, as the last pair: when ctx ends, when the callee refuses (a
// fault.Refused by [fault.Judge] without a RetryAfter), when it has a defect (fault.Internal,
// fault.DataLoss), and when a stream is cut off that cannot go on: its values have no ids,
// or are lines of JSON. req is not changed; nil is a request without anything. Follow panics
// if the request has not exactly one such field.
func Follow[Req, T any](
	ctx context.Context, stream endpoint.Endpoint[Req, iter.Seq2[T, error]], req Req,
) iter.Seq2[T, error] {
	index := lastEventIndexOf(reflect.TypeFor[Req]())
	return func(yield func(T, error) bool) {
		f := following{wait: usualReconnect}
		request := req
		if absent.Is(req) {
			request = withText(req, index, "")
		}
		for {
			err := connect(ctx, stream, request, &f, yield)
			if err == nil {
				return
			}
			if !f.mayGoOn(ctx, err) {
				var none T
				yield(none, err)
				return
			}
			if failure := backoff.Wait(ctx, f.next(err)); failure != nil {
				var none T
				yield(none, failure)
				return
			}
			if f.lastID != "" {
				request = withText(req, index, f.lastID)
			}
		}
	}
}

// connect yields the values of one connection, and returns what it was cut off by; nil if
// there is no more to come.
func connect[Req, T any](
	ctx context.Context, stream endpoint.Endpoint[Req, iter.Seq2[T, error]], request Req, f *following, yield func(T, error) bool,
) error {
	values, err := stream(context.WithValue(ctx, followingKey{}, f), request)
	if err != nil {
		return err
	}
	for value, err := range values {
		if err != nil {
			return err
		}
		f.hasValues, f.previous = true, 0
		if !yield(value, nil) {
			return nil
		}
	}
	return nil
}

// followingKey is where the context of a call has the *following that it is part of.
type followingKey struct{}

// following is what one iteration of [Follow] knows of its stream. One goroutine uses it.
type following struct {
	hasValues bool
	isLines   bool          // the last answer
	lastID    string        // of the last event that was complete
	wait      time.Duration // at least, before the next connection
	previous  time.Duration // wait after the failures in a row; zero if there are none
}

// followingOf returns the following that an answer is read for, or nil.
func followingOf(ctx context.Context) *following {
	f, _ := ctx.Value(followingKey{}).(*following)
	return f
}

// record records where the stream goes on, and when, as far as this connection has said it.
func (f *following) record(lastID string, wait time.Duration) {
	f.lastID = lastID
	if wait >= 0 {
		f.wait = wait
	}
}

// mayGoOn reports whether another connection may give what err has cut off.
func (f *following) mayGoOn(ctx context.Context, err error) bool {
	if f.hasValues && (f.lastID == "" || f.isLines) {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.Internal, fault.DataLoss:
		return false
	}
	switch fault.Judge(ctx, err) {
	case fault.Refused:
		return fault.RetryAfter(err) > 0
	case fault.Expired, fault.Abandoned:
		return false
	}
	return true
}

// next returns how long to wait after err.
func (f *following) next(err error) time.Duration {
	least := min(max(f.wait, fault.RetryAfter(err), minReconnect), maxSuggestion)
	f.previous = backoff.Policy{Min: least, Max: max(least, maxReconnect)}.Next(f.previous)
	return f.previous
}

// lastEventIndexOf returns where a request has its Last-Event-ID.
func lastEventIndexOf(t reflect.Type) []int {
	isIt := func(f reflect.StructField) bool {
		return f.Type.Kind() == reflect.String && http.CanonicalHeaderKey(f.Tag.Get("header")) == "Last-Event-Id"
	}
	return onlyField("rest.Follow", t, "strings tagged `header:\"Last-Event-ID\"`", isIt)
}
