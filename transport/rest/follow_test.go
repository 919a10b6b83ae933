package rest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

var follow = rest.Route[*watch, iter.Seq2[rest.Event[int], error]]{Pattern: "GET /orders/{id}/numbers"}

// numbersOf is the endpoint of follow.
type numbersOf = endpoint.Endpoint[*watch, iter.Seq2[rest.Event[int], error]]

// followed runs a test in virtual time, with an endpoint of follow that handle serves.
func followed(t *testing.T, handle http.HandlerFunc, test func(t *testing.T, ask numbersOf)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network resttest.Network
		defer network.Close()
		network.Serve("order", handle)
		test(t, follow.Endpoint(network.Caller("order")))
	})
}

// dataOf returns the data of the events, and what they end with.
func dataOf(seq iter.Seq2[rest.Event[int], error]) (all []int, err error) {
	for e, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, e.Data)
	}
	return all, nil
}

// send writes text as an event stream, and cuts the connection unless the text has the end.
func send(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte(text))
	_ = http.NewResponseController(w).Flush()
	if !strings.Contains(text, "event: end") {
		panic(http.ErrAbortHandler)
	}
}

const theEnd = "event: end\ndata: {}\n\n"

func TestAFollowedStreamGoesOnAfterItsLastEvent(t *testing.T) {
	var asked []string
	followed(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-Id"))
		switch len(asked) {
		case 1:
			send(w, "id: a\ndata: 1\n\nid: b\ndata: 2\n\nid: c\ndata: 3\n") // the last event is not complete
		case 2:
			send(w, "") // nothing at all
		case 3:
			send(w, "data: 3\n\nid: d\n\n") // a value without an id, and an id without a value
		default:
			send(w, "id: e\ndata: 4\n\n"+theEnd)
		}
	}, func(t *testing.T, ask numbersOf) {
		first := &watch{ID: "7", Last: "0"}
		got, err := dataOf(rest.Follow(t.Context(), ask, first))
		if want := []int{1, 2, 3, 4}; !slices.Equal(got, want) || err != nil {
			t.Errorf("got %v and %v, want %v", got, err, want)
		}
		if want := []string{"0", "b", "b", "d"}; !slices.Equal(asked, want) {
			t.Errorf("it asks for what comes after %q, want %q", asked, want)
		}
		if first.Last != "0" {
			t.Errorf("the first request is changed to %+v", first)
		}
	})
}

func TestAFollowedStreamWaitsAsItsCalleeSuggests(t *testing.T) {
	for name, c := range map[string]struct {
		first    func(w http.ResponseWriter)
		min, max time.Duration
	}{
		"nothing":         {func(w http.ResponseWriter) { send(w, "id: 1\ndata: 1\n\n") }, time.Second, 3 * time.Second},
		"seven seconds":   {func(w http.ResponseWriter) { send(w, "retry: 7000\nid: 1\ndata: 1\n\n") }, 7 * time.Second, 21 * time.Second},
		"without a value": {func(w http.ResponseWriter) { send(w, "retry: 20000\n\n") }, 20 * time.Second, time.Minute},
		"no wait":         {func(w http.ResponseWriter) { send(w, "retry: 0\n\n") }, 100 * time.Millisecond, 300 * time.Millisecond},
		"a day":           {func(w http.ResponseWriter) { send(w, "retry: 86400000\n\n") }, 5 * time.Minute, 5 * time.Minute},
		"Retry-After":     {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "30"); w.WriteHeader(429) }, 30 * time.Second, time.Minute},
	} {
		var at []time.Time
		followed(t, func(w http.ResponseWriter, _ *http.Request) {
			if at = append(at, time.Now()); len(at) == 1 {
				c.first(w)
			}
			send(w, theEnd)
		}, func(t *testing.T, ask numbersOf) {
			if _, err := dataOf(rest.Follow(t.Context(), ask, &watch{ID: "7"})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		if len(at) != 2 {
			t.Fatalf("%s: %d connections, want 2", name, len(at))
		}
		if wait := at[1].Sub(at[0]); wait < c.min || wait > c.max {
			t.Errorf("%s: it waits %v, want between %v and %v", name, wait, c.min, c.max)
		}
	}
}

func TestTheWaitsOfAFollowedStreamGrowUntilAValueComes(t *testing.T) {
	var at []time.Time
	followed(t, func(w http.ResponseWriter, _ *http.Request) {
		switch at = append(at, time.Now()); {
		case len(at) == 40:
			send(w, "id: 1\ndata: 1\n\n")
		case len(at) == 42:
			send(w, theEnd)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}, func(t *testing.T, ask numbersOf) {
		if got, err := dataOf(rest.Follow(t.Context(), ask, &watch{ID: "7"})); len(got) != 1 || err != nil {
			t.Errorf("got %v and %v, want one value", got, err)
		}
	})
	longest := time.Duration(0)
	for i := 1; i < 40; i++ {
		longest = max(longest, at[i].Sub(at[i-1]))
	}
	if longest < 10*time.Second || longest > time.Minute {
		t.Errorf("the longest wait of 39 is %v, want some that are near one minute and none above it", longest)
	}
	if after := at[40].Sub(at[39]); after > 3*time.Second {
		t.Errorf("after a value the first wait is %v, want 3s at most", after)
	}
}

func TestWhatEndsAFollowedStream(t *testing.T) {
	var connections int
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		values int
		want   error
	}{
		"its end":   {func(w http.ResponseWriter) { send(w, "id: 1\ndata: 1\n\n"+theEnd) }, 1, nil},
		"204":       {func(w http.ResponseWriter) { w.WriteHeader(204) }, 0, nil},
		"a refusal": {func(w http.ResponseWriter) { rest.WriteError(w, fault.NotFound.Errorf("no")) }, 0, fault.NotFound},
		"a refusal within": {func(w http.ResponseWriter) {
			send(w, "id: 1\ndata: 1\n\nevent: error\ndata: {\"status\":403,\"code\":\"permission_denied\"}\n\n")
		}, 1, fault.PermissionDenied},
		"a defect":                 {func(w http.ResponseWriter) { w.WriteHeader(500) }, 0, fault.Internal},
		"an unreadable value":      {func(w http.ResponseWriter) { send(w, "id: 1\ndata: x\n\n") }, 0, fault.Internal},
		"an id that is taken back": {func(w http.ResponseWriter) { send(w, "id: 1\ndata: 1\n\nid\ndata: 2\n\n") }, 2, fault.Unavailable},
		"values without ids":       {func(w http.ResponseWriter) { send(w, "data: 1\n\n") }, 1, fault.Unavailable},
		"a cut among lines": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = w.Write([]byte("{\"data\":1}\n"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 1, fault.Unavailable},
		"an answer of no event": {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, 0, fault.Internal},
	} {
		connections = 0
		followed(t, func(w http.ResponseWriter, _ *http.Request) { connections++; c.answer(w) },
			func(t *testing.T, ask numbersOf) {
				got, err := dataOf(rest.Follow(t.Context(), ask, &watch{ID: "7"}))
				if len(got) != c.values || (err == nil) != (c.want == nil) || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("%s: got %v and %v, want %d values and %v", name, got, err, c.values, c.want)
				}
			})
		if connections != 1 {
			t.Errorf("%s: %d connections, want 1", name, connections)
		}
	}
}

func TestAFollowedStreamEndsWithItsContext(t *testing.T) {
	followed(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		func(t *testing.T, ask numbersOf) {
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			start := time.Now()
			if _, err := dataOf(rest.Follow(ctx, ask, &watch{ID: "7"})); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, fault.DeadlineExceeded) {
				t.Errorf("got %v, want that the deadline is exceeded", err)
			}
			if took := time.Since(start); took != 90*time.Second {
				t.Errorf("it ends after %v, want 90s", took)
			}
		})
}

func TestAFollowerThatHasEnoughEndsItsStream(t *testing.T) {
	gone := make(chan struct{}, 1)
	followed(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("id: 1\ndata: 1\n\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	}, func(t *testing.T, ask numbersOf) {
		for range rest.Follow(t.Context(), ask, &watch{ID: "7"}) {
			break
		}
		<-gone
	})
}

func TestAFollowerGetsEachValueOnceWhereverItIsCutOff(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(rt, "values")
		cuts := rapid.SliceOfN(rapid.IntRange(0, 60), 0, 8).Draw(rt, "bytes of each connection before it is cut")
		down := rapid.SliceOfN(rapid.Bool(), 8, 8).Draw(rt, "whether the service is down after a cut")
		connection := 0
		handle := func(w http.ResponseWriter, r *http.Request) {
			var text strings.Builder
			last, _ := strconv.Atoi(r.Header.Get("Last-Event-Id"))
			for i := last + 1; i <= n; i++ {
				fmt.Fprintf(&text, "id: %d\ndata: %d\n\n", i, i)
			}
			text.WriteString(theEnd)
			connection++
			if at := connection / 2; connection%2 == 0 && at < len(down) && down[at] {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			if connection > len(cuts) || cuts[connection-1] >= text.Len() {
				send(w, text.String())
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte(text.String()[:cuts[connection-1]]))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		var got []int
		var err error
		followed(t, handle, func(t *testing.T, ask numbersOf) {
			got, err = dataOf(rest.Follow(t.Context(), ask, &watch{ID: "7"}))
		})
		want := make([]int, 0, n)
		for i := range n {
			want = append(want, i+1)
		}
		if !slices.Equal(got, want) || err != nil {
			rt.Errorf("got %v and %v, want %v", got, err, want)
		}
	})
}

func TestARequestThatCannotGoOnIsRefused(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "Last-Event-ID") {
			t.Errorf("got %s, want a word about Last-Event-ID", text)
		}
	}()
	rest.Follow(t.Context(), func(context.Context, endpoint.None) (iter.Seq2[int, error], error) { return nil, nil }, endpoint.None{})
}

func TestAHandlerSuggestsWhenToComeBack(t *testing.T) {
	mux := http.NewServeMux()
	follow.Handle(mux, func(context.Context, *watch) (iter.Seq2[rest.Event[int], error], error) {
		return func(yield func(rest.Event[int], error) bool) {
			yield(rest.Event[int]{ID: "1", Data: 1, Retry: 2500 * time.Millisecond}, nil)
		}, nil
	})
	w := ask(mux, "GET", "/orders/7/numbers", "", "")
	if want := "id: 1\nretry: 2500\ndata: 1\n\n" + theEnd; w.Body.String() != want {
		t.Errorf("got %q, want %q", w.Body, want)
	}
	caller, _ := serve(t, mux)
	seq, err := follow.Endpoint(caller)(t.Context(), &watch{ID: "7"})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range seq {
		if err != nil || e.Retry != 2500*time.Millisecond {
			t.Errorf("got %+v and %v, want an event with Retry 2.5s", e, err)
		}
	}
}
