package rest_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAStoredAnswerHasItsHeader(t *testing.T) {
	store := &saving{Store: idempotency.NewMemory()}
	mux := &storing{http.NewServeMux(), store}
	ran := 0
	answered := &created{Location: new("/orders/7"), Session: &http.Cookie{Value: "s", Secure: true}, Name: "n"}
	rest.Route[endpoint.None, *created]{Pattern: "POST /x", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (*created, error) { ran++; return answered, nil })
	rest.Route[endpoint.None, *created]{Pattern: "POST /saved", Keyed: true}.Handle(mux, func(ctx context.Context, _ endpoint.None) (*created, error) {
		ran++
		return answered, idempotency.SaveAnswer(ctx, store, answered)
	})
	for _, path := range []string{"/x", "/saved"} {
		ran = 0
		for n := range 2 {
			w := ask(mux, "POST", path, "", "", "Idempotency-Key", "k")
			if w.Code != 200 || w.Header().Get("Location") != "/orders/7" || w.Header().Get("Set-Cookie") != "session=s; Secure" || w.Body.String() != `{"tenant":"","name":"n"}` {
				t.Errorf("%s: answer %d is %d %v %s", path, n+1, w.Code, w.Header(), w.Body)
			}
		}
		if ran != 1 {
			t.Errorf("%s: it ran %d times", path, ran)
		}
	}
	store.isOld = true
	for n := range 2 {
		w := ask(mux, "POST", "/x", "", "", "Idempotency-Key", "old")
		if (w.Header().Get("Location") == "") != (n == 1) || w.Code != 200 || w.Body.String() != `{"tenant":"","name":"n"}` {
			t.Errorf("stored without a header: %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

// storing is a mux with a store.
type storing struct {
	*http.ServeMux
	store idempotency.Store
}

func (m *storing) IdempotencyStore() idempotency.Store { return m.store }

// saving is a store that may store answers in the form that they had without a header.
type saving struct {
	idempotency.Store
	isOld bool
}

func (s *saving) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	if s.isOld {
		answer = bytes.Replace(answer, []byte(`"header":{"Location":["/orders/7"],"Set-Cookie":["session=s; Secure"]},`), nil, 1)
	}
	return s.Store.Answer(ctx, key, claim, answer, ttl)
}
