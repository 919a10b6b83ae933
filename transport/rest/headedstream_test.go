package rest_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// feed is a stream with headers.
type feed struct {
	Total   int                       `header:"X-Total" json:"-"`
	Session *http.Cookie              `cookie:"session" json:"-"`
	States  iter.Seq2[*status, error] `body:""`
}

// eventFeed is a stream of events alone.
type eventFeed struct {
	Version string                               `header:"X-Version" json:"-"`
	Events  iter.Seq2[rest.Event[status], error] `body:"text/event-stream"`
}

var (
	watchFeed         = rest.Route[watch, *feed]{Pattern: "GET /orders/{id}/feed"}
	watchFeedOfEvents = rest.Route[watch, eventFeed]{Pattern: "GET /orders/{id}/feed"}
)

func TestACallerHasTheHeadersOfAStreamBeforeItsFirstValue(t *testing.T) {
	begin := make(chan struct{})
	serveFeed := func(context.Context, watch) (*feed, error) {
		return &feed{Total: 2, Session: &http.Cookie{Value: "s-1", HttpOnly: true}, States: func(yield func(*status, error) bool) {
			<-begin
			yields(fault.Aborted.Errorf("it moved"), "new", "paid")(yield)
		}}, nil
	}
	mux := http.NewServeMux()
	watchFeed.Handle(mux, serveFeed)
	callee, _ := serve(t, mux)
	gateway := http.NewServeMux()
	watchFeed.Forward(gateway, callee)
	front, _ := serve(t, gateway)
	for name, caller := range map[string]call.Caller{"direct": callee, "forwarded": front} {
		begin = make(chan struct{})
		got, err := watchFeed.Endpoint(caller)(t.Context(), watch{ID: "7"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Total != 2 || got.Session == nil || got.Session.Value != "s-1" || !got.Session.HttpOnly {
			t.Errorf("%s: got the headers %+v before the first value, want total 2 and the session s-1", name, got)
		}
		close(begin)
		all, err := states(got.States)
		if want := []string{"new", "paid"}; !slices.Equal(all, want) || !errors.Is(err, fault.Aborted) {
			t.Errorf("%s: got %v and %v, want %v and aborted", name, all, err, want)
		}
		if all, err := states(got.States); all != nil || !errors.Is(err, fault.FailedPrecondition) {
			t.Errorf("%s: got %v and %v from a second iteration, want a refusal", name, all, err)
		}
	}
}

func TestAStreamWithHeadersIsRefusedBeforeItBegins(t *testing.T) {
	mux := http.NewServeMux()
	answers := map[string]func() (*feed, error){
		"an error": func() (*feed, error) { return nil, fault.NotFound.Errorf("no such order") },
		"nothing":  func() (*feed, error) { return nil, nil },
		"a header": func() (*feed, error) {
			return &feed{Session: &http.Cookie{Value: "a\nb"}, States: yields(nil, "new")}, nil
		},
	}
	watchFeed.Handle(mux, func(_ context.Context, w watch) (*feed, error) { return answers[strings.ReplaceAll(w.ID, "-", " ")]() })
	callee, _ := serve(t, mux)
	for id, want := range map[string]error{"an-error": fault.NotFound, "nothing": fault.Internal, "a-header": fault.Internal} {
		if got, err := watchFeed.Endpoint(callee)(t.Context(), watch{ID: id}); got != nil || !errors.Is(err, want) {
			t.Errorf("%s: got %+v and %v, want %v", id, got, err, want)
		}
	}
}

func TestATagOfAStreamNarrowsItsForms(t *testing.T) {
	mux := http.NewServeMux()
	watchFeedOfEvents.Handle(mux, func(context.Context, watch) (eventFeed, error) {
		return eventFeed{"v2", func(yield func(rest.Event[status], error) bool) {
			yield(rest.Event[status]{ID: "1", Data: status{Status: "new"}}, nil)
		}}, nil
	})
	w := ask(mux, "GET", "/orders/7/feed", "", "", "Accept", "application/x-ndjson")
	if kind := w.Header().Get("Content-Type"); kind != "text/event-stream" || w.Header().Get("X-Version") != "v2" {
		t.Errorf("got a body of type %q with the headers %v, want events", kind, w.Header())
	}
	callee, _ := serve(t, mux)
	got, err := watchFeedOfEvents.Endpoint(callee)(t.Context(), watch{ID: "7"})
	if err != nil || got.Version != "v2" {
		t.Fatalf("got version %q and %v, want v2", got.Version, err)
	}
	for e, err := range got.Events {
		if err != nil || e.ID != "1" || e.Data.Status != "new" {
			t.Errorf("got %+v and %v, want the event 1", e, err)
		}
	}
	all := &listing{ServeMux: http.NewServeMux()}
	watchFeedOfEvents.Handle(all, func(context.Context, watch) (eventFeed, error) { return eventFeed{}, nil })
	content, _ := documented(t, all.handlers, "paths", "/orders/{id}/feed", "get", "responses", "200", "content").(map[string]any)
	headers, _ := documented(t, all.handlers, "paths", "/orders/{id}/feed", "get", "responses", "200", "headers").(map[string]any)
	if len(content) != 1 || content["text/event-stream"] == nil || headers["X-Version"] == nil {
		t.Errorf("the document has the content %v and the headers %v, want events with X-Version", content, headers)
	}
}

func TestAnAbandonedStreamWithHeadersEndsWithItsContext(t *testing.T) {
	gone := make(chan struct{})
	mux := http.NewServeMux()
	watchFeed.Handle(mux, func(ctx context.Context, _ watch) (*feed, error) {
		return &feed{States: func(func(*status, error) bool) { <-ctx.Done(); close(gone) }}, nil
	})
	callee, _ := serve(t, mux)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := watchFeed.Endpoint(callee)(ctx, watch{ID: "7"}); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
}

func TestAStreamThatDoesNotFitItsAnswerIsRefused(t *testing.T) {
	for want, handle := range map[string]func(){
		"choose among": func() {
			type answer struct {
				S iter.Seq2[*status, error] `body:"text/plain"`
			}
			rest.Route[endpoint.None, answer]{Pattern: "GET /x"}.Endpoint(rest.Remote("http://10.0.0.1", nil))
		},
		"HTTP itself sets": func() {
			type answer struct {
				T string                    `header:"Content-Type" json:"-"`
				S iter.Seq2[*status, error] `body:""`
			}
			rest.Route[endpoint.None, answer]{Pattern: "GET /x"}.Endpoint(rest.Remote("http://10.0.0.1", nil))
		},
		"whole body": func() {
			type answer struct {
				N int
				S iter.Seq2[*status, error] `body:""`
			}
			rest.Route[endpoint.None, answer]{Pattern: "GET /x"}.Endpoint(rest.Remote("http://10.0.0.1", nil))
		},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("got %q, want %s in it", text, want)
				}
			}()
			handle()
		}()
	}
}

func TestAValueThatLooksLikeAFailureIsNone(t *testing.T) {
	type reported struct {
		Error fault.Problem `json:"error"`
	}
	route := rest.Route[endpoint.None, iter.Seq2[reported, error]]{Pattern: "GET /x"}
	mux := http.NewServeMux()
	route.Handle(mux, func(context.Context, endpoint.None) (iter.Seq2[reported, error], error) {
		return func(yield func(reported, error) bool) {
			if yield(reported{fault.ProblemOf(fault.NotFound.Errorf("a value"))}, nil) {
				yield(reported{}, fault.Aborted.Errorf("the failure"))
			}
		}, nil
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept", "application/x-ndjson")
		mux.ServeHTTP(w, r)
	}))
	defer server.Close()
	seq, err := route.Endpoint(rest.Remote(server.URL, nil))(t.Context(), endpoint.None{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var end error
	for v, err := range seq {
		if end = err; err == nil {
			got = append(got, v.Error.Detail)
		}
	}
	if !slices.Equal(got, []string{"a value"}) || !errors.Is(end, fault.Aborted) {
		t.Errorf("got the values %v and %v, want a value and then aborted", got, end)
	}
}
