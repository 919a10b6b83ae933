package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

type order struct {
	Buyer string `json:"buyer"`
}

func keyed(ctx context.Context, key string) context.Context {
	ctx, _ = endpoint.WithCall(ctx, endpoint.Call{IdempotencyKey: key, From: "web", Operation: endpoint.Operation{Service: "order", Name: "Place"}})
	return ctx
}

func TestKeyedRunsOnceAndRepeatsItsAnswer(t *testing.T) {
	runs := 0
	place := func(_ context.Context, o *order) (*order, error) {
		runs++
		return &order{Buyer: fmt.Sprint(o.Buyer, runs)}, nil
	}
	ep := endpoint.New(place).With(endpoint.Keyed[*order, *order](endpoint.NewMemoryStore()))
	for range 3 {
		got, err := ep(keyed(t.Context(), "k"), &order{"ann"})
		if err != nil || got.Buyer != "ann1" || runs != 1 {
			t.Fatalf("got %v, %v after %d runs", got, err, runs)
		}
	}
	if _, err := ep(keyed(t.Context(), "other"), &order{"ann"}); err != nil || runs != 2 {
		t.Fatalf("another key: %v, %d runs", err, runs)
	}
	if _, err := ep(t.Context(), &order{"ann"}); err != nil || runs != 3 {
		t.Fatalf("no key: %v, %d runs", err, runs)
	}
}

func TestAKeyIsItsCallersAndItsOperationsOwn(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (int, error) { runs++; return runs, nil }).
		With(endpoint.Keyed[*order, int](endpoint.NewMemoryStore()))
	place := endpoint.Operation{Service: "order", Name: "Place"}
	for i, c := range []endpoint.Call{
		{From: "web", Operation: place}, {From: "app", Operation: place},
		{From: "web", Operation: endpoint.Operation{Service: "stock", Name: "Place"}},
		{From: "web", Operation: endpoint.Operation{Service: "order", Name: "Cancel"}},
		{From: "weborder", Operation: endpoint.Operation{Name: "Place"}},
	} {
		c.IdempotencyKey = "k"
		for range 2 {
			ctx, _ := endpoint.WithCall(t.Context(), c)
			if got, err := ep(ctx, &order{"ann"}); got != i+1 || err != nil {
				t.Errorf("%s calling %s of %s got the answer of run %d (%v), not its own", c.From, c.Name, c.Service, got, err)
			}
		}
	}
}

func TestKeyedRefusesTheKeyWithAnotherRequest(t *testing.T) {
	ep := endpoint.New(endpoint.Identity[*order]).With(endpoint.Keyed[*order, *order](endpoint.NewMemoryStore()))
	_, _ = ep(keyed(t.Context(), "k"), &order{"ann"})
	_, err := ep(keyed(t.Context(), "k"), &order{"bob"})
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != "key_reused" || fault.ProblemOf(err).Status != 422 {
		t.Fatalf("got %v", err)
	}
}

func TestKeyedRefusesTheKeyWhileItIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep := endpoint.New(func(ctx context.Context, _ *order) (string, error) { return waits(ctx, time.Minute) }).
			With(endpoint.Keyed[*order, string](endpoint.NewMemoryStore()))
		go func() { _, _ = ep(keyed(t.Context(), "k"), &order{"ann"}) }()
		synctest.Wait()
		_, err := ep(keyed(t.Context(), "k"), &order{"ann"})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != "key_in_use" || fault.ProblemOf(err).Status != 409 {
			t.Fatalf("got %v", err)
		}
		<-time.After(2 * time.Minute)
		if got, err := ep(keyed(t.Context(), "k"), &order{"ann"}); got != "done" || err != nil {
			t.Fatalf("afterwards %q, %v", got, err)
		}
	})
}

func TestKeyedForgetsFailuresAndPanics(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (string, error) {
		switch runs++; runs {
		case 1:
			return "", fault.Unavailable.Errorf("down")
		case 2:
			panic("boom")
		}
		return "placed", nil
	}).With(endpoint.Recover(nil), endpoint.Keyed[*order, string](endpoint.NewMemoryStore()))
	for _, want := range []fault.Code{fault.Unavailable, fault.Internal, 0} {
		if _, err := ep(keyed(t.Context(), "k"), &order{"ann"}); fault.CodeOf(err) != want {
			t.Fatalf("run %d gave %v", runs, err)
		}
	}
}

func TestKeyedReleasesTheKeyOfACallerWhoLeft(t *testing.T) {
	ep := endpoint.New(func(ctx context.Context, _ *order) (string, error) { return "", ctx.Err() }).
		With(endpoint.Keyed[*order, string](endpoint.NewMemoryStore()))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if _, err := ep(keyed(gone, "k"), &order{"ann"}); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
}

// heedful is a store that does nothing in a context that has ended.
type heedful struct{ *endpoint.MemoryStore }

func (s heedful) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.MemoryStore.Answer(ctx, key, claim, answer, ttl)
}

func (s heedful) Release(ctx context.Context, key, claim string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.MemoryStore.Release(ctx, key, claim)
}

func TestARunIsSettledThoughItsCallerHasLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	store, runs := heedful{endpoint.NewMemoryStore()}, 0
	use := func(key string, keep bool) (bool, error) {
		_, replayed, err := endpoint.Once(ctx, store, "scope", key, nil, func() ([]byte, bool, error) {
			runs++
			leave()
			return []byte("done"), keep, nil
		})
		return replayed, err
	}
	for i, tt := range []struct {
		key            string
		keep, replayed bool
	}{{"kept", true, false}, {"kept", true, true}, {"given back", false, false}, {"given back", false, false}} {
		if replayed, err := use(tt.key, tt.keep); replayed != tt.replayed || err != nil {
			t.Errorf("use %d, %s: replayed %v, %v", i+1, tt.key, replayed, err)
		}
	}
	if runs != 3 {
		t.Errorf("%d runs, want 3", runs)
	}
}

func TestMemoryStoreLetsALapsedClaimGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := endpoint.NewMemoryStore()
		claim := func() string {
			claim, _, _ := store.Claim(t.Context(), "k", []byte("f"), time.Minute)
			return claim
		}
		first := claim()
		if first == "" || claim() != "" {
			t.Fatal("the first claim holds")
		}
		<-time.After(59 * time.Second)
		_ = store.Renew(t.Context(), "k", first, time.Minute)
		<-time.After(59 * time.Second)
		if claim() != "" {
			t.Fatal("a renewed claim was given away")
		}
		<-time.After(time.Second)
		second := claim()
		if second == "" {
			t.Fatal("the claim of a dead holder stays")
		}
		_ = store.Release(t.Context(), "k", first)
		_ = store.Answer(t.Context(), "k", first, []byte("late"), time.Hour)
		if claim() != "" {
			t.Fatal("who had lost the claim gave it away")
		}
		_ = store.Answer(t.Context(), "k", second, []byte("a"), time.Hour)
		if _, answer, err := store.Claim(t.Context(), "k", []byte("f"), time.Minute); string(answer) != "a" || err != nil {
			t.Fatalf("answered %q, %v", answer, err)
		}
		<-time.After(time.Hour)
		if claim() == "" {
			t.Fatal("an answer outlives its time")
		}
	})
}

func TestARunHoldsItsKeyHoweverLongItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, runs := endpoint.NewMemoryStore(), 0
		use := func(ctx context.Context) error {
			_, _, err := endpoint.Once(ctx, store, "scope", "k", []byte("f"), func() ([]byte, bool, error) {
				runs++
				<-time.After(time.Hour)
				return nil, true, nil
			})
			return err
		}
		done := make(chan error)
		caller, leave := context.WithCancel(t.Context())
		defer leave()
		go func() { done <- use(caller) }()
		for range 59 {
			<-time.After(time.Minute)
			leave() // the run goes on
			if err := use(t.Context()); fault.CodeOf(err) != fault.Aborted {
				t.Fatalf("while it runs: %v", err)
			}
		}
		if err := <-done; err != nil || use(t.Context()) != nil || runs != 1 {
			t.Fatalf("%v after %d runs", err, runs)
		}
	})
}

func TestMemoryStoreBoundsTheBytesOfItsAnswers(t *testing.T) {
	store, ctx := endpoint.NewMemoryStore(), t.Context()
	for i := range 100 {
		claim, _, _ := store.Claim(ctx, fmt.Sprint(i), nil, time.Hour)
		_ = store.Answer(ctx, fmt.Sprint(i), claim, make([]byte, 1<<20), time.Hour)
	}
	for key, want := range map[string]bool{"0": false, "35": false, "36": true, "99": true} {
		claim, _, err := store.Claim(ctx, key, nil, time.Hour)
		if kept := claim == ""; kept != want || err != nil {
			t.Errorf("of 100 answers of 1 MiB number %s is kept: %v (%v)", key, kept, err)
		}
	}
}

func TestMemoryStoreForgetsTheOldestAnswersAndNoRunningClaim(t *testing.T) {
	store, ctx := endpoint.NewMemoryStore(), t.Context()
	_, _, _ = store.Claim(ctx, "running", []byte("f"), time.Hour)
	for i := range 100_000 {
		key := fmt.Sprint(i)
		claim, _, err := store.Claim(ctx, key, []byte("f"), time.Hour)
		if claim == "" || err != nil {
			t.Fatalf("claim %d: %v", i, err)
		}
		_ = store.Answer(ctx, key, claim, []byte("a"), time.Hour)
	}
	if _, _, err := store.Claim(ctx, "running", []byte("f"), time.Hour); fault.CodeOf(err) != fault.Aborted {
		t.Fatalf("the running claim was forgotten: %v", err)
	}
	if claim, _, _ := store.Claim(ctx, "0", []byte("f"), time.Hour); claim == "" {
		t.Fatal("the store grows without end")
	}
}

func TestKeyedRunsOnceUnderRace(t *testing.T) {
	var runs atomic.Int32
	ep := endpoint.New(func(context.Context, *order) (string, error) { runs.Add(1); return "placed", nil }).
		With(endpoint.Keyed[*order, string](endpoint.NewMemoryStore()))
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			got, err := ep(keyed(t.Context(), "k"), &order{"ann"})
			if err == nil && got != "placed" || err != nil && fault.CodeOf(err) != fault.Aborted {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	all.Wait()
	if runs.Load() != 1 {
		t.Fatalf("ran %d times", runs.Load())
	}
}
