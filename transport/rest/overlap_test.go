package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/transport/rest"
)

// sendTwice sends twice at once. It returns the first send's error unless only the second
// has succeeded. Each send goes on when the other has reached the server.
type sendTwice string

func (a sendTwice) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) error {
	var errs [2]error
	var both sync.WaitGroup
	for i := range errs {
		ctx, c := callctx.With(ctx, callctx.Outgoing(ctx, op))
		c.Attempt = i + 1
		both.Go(func() { errs[i] = send(ctx, string(a)) })
	}
	both.Wait()
	if errs[1] == nil {
		return nil
	}
	return errs[0]
}

// answerInOrder answers the two sends in the given order. The second one is the send that
// is marked as a repeat.
func answerInOrder(order [2]int, bodies [2]string, status [2]int) http.Handler {
	var arrived sync.WaitGroup
	arrived.Add(2)
	first := make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		if r.Header.Get("X-Request-Attempt") == "2" {
			n = 1
		}
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Done()
		arrived.Wait()
		if order[1] == n {
			<-first
		} else {
			defer close(first)
		}
		w.WriteHeader(status[n])
		_, _ = io.WriteString(w, bodies[n])
		_ = http.NewResponseController(w).Flush()
	})
}

func TestOfConcurrentSendsTheFirstSuccessCounts(t *testing.T) {
	one, two := `{"product_id":"one","available":1}`, `{"available":2}`
	for _, tt := range []struct {
		name   string
		status [2]int
		bodies [2]string
		want   []int
	}{
		{name: "both succeed", status: [2]int{200, 200}, bodies: [2]string{one, two}, want: []int{1, 2}},
		{name: "only the first", status: [2]int{200, 409}, bodies: [2]string{one, `{"available":3}`}, want: []int{1}},
		{name: "only the second", status: [2]int{503, 200}, bodies: [2]string{`{"product_id":"bad"}`, two}, want: []int{2}},
		{name: "the first is no JSON", status: [2]int{200, 200}, bodies: [2]string{`{"product_id":"cut`, two}, want: []int{2}},
		{name: "the second is no JSON", status: [2]int{200, 200}, bodies: [2]string{one, `{"product_id":"cut`}, want: []int{1}},
	} {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			t.Run(fmt.Sprint(tt.name, order), func(t *testing.T) {
				_, server := serve(t, answerInOrder(order, tt.bodies, tt.status))
				got, err := Reserve.Endpoint(overlapping(server.URL))(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
				if err != nil {
					t.Fatal(err)
				}
				if *got != (Stock{ProductID: map[int]string{1: "one"}[got.Available], Available: got.Available}) {
					t.Errorf("an answer of two: %+v", *got)
				}
				for _, n := range tt.want {
					if got.Available == n {
						return
					}
				}
				t.Errorf("%+v, want that of %v", *got, tt.want)
			})
		}
	}
}

// overlapping is sendTwice, but either success is enough.
type overlapping string

func (a overlapping) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) error {
	won := false
	var lock sync.Mutex
	err := sendTwice(a).Call(ctx, op, func(ctx context.Context, addr string) error {
		err := send(ctx, addr)
		lock.Lock()
		defer lock.Unlock()
		won = won || err == nil
		return err
	})
	if won {
		return nil
	}
	return err
}

func TestAForwardedAnswerIsTheOneThatTheCallEndedWith(t *testing.T) {
	const one, two = `{"product_id":"one","available":1}`, `{"product_id":"two","available":2}`
	for _, tt := range []struct {
		name   string
		status [2]int
		want   string
		code   int
	}{
		{name: "only the first", status: [2]int{200, 409}, want: one, code: 200},
		{name: "only the second", status: [2]int{503, 200}, want: two, code: 200},
		{name: "neither", status: [2]int{503, 409}, want: one, code: 503},
	} {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			_, server := serve(t, answerInOrder(order, [2]string{one, two}, tt.status))
			mux := http.NewServeMux()
			Reserve.Forward(mux, overlapping(server.URL))
			w := ask(mux, "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`)
			if w.Code != tt.code || w.Body.String() != tt.want {
				t.Errorf("%s %v: %d %s", tt.name, order, w.Code, w.Body)
			}
		}
	}
}

// repeatedError ends a call with the last send's error, marked as repeated.
type repeatedError string

func (a repeatedError) Call(ctx context.Context, _ call.Operation, send func(context.Context, string) error) error {
	_ = send(ctx, string(a))
	return fault.MarkRepeated(send(ctx, string(a)))
}

func TestAForwardedFailureOfARepeatedCallIsPassedOnUnchanged(t *testing.T) {
	n := 0
	_, server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.WriteHeader(503)
		_, _ = fmt.Fprintf(w, "answer %d", n)
	}))
	mux := http.NewServeMux()
	Reserve.Forward(mux, repeatedError(server.URL))
	if w := ask(mux, "POST", "/inventory/p/reserve", "application/json", `{"quantity":1}`); w.Code != 503 || w.Body.String() != "answer 2" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestACallThatSucceededWithoutASendHasNoAnswer(t *testing.T) {
	got, err := Reserve.Endpoint(silent{})(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	if got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = rest.Route[endpoint.None, Stock]{Pattern: "GET /x"}.Endpoint(silent{errors.New("no")})(t.Context(), endpoint.None{})
	if err == nil {
		t.Error("no error")
	}
}

type silent struct{ err error }

func (s silent) Call(context.Context, call.Operation, func(context.Context, string) error) error {
	return s.err
}
