package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

type order struct {
	Buyer string `json:"buyer"`
}

func keyed(ctx context.Context, key string) context.Context {
	ctx = call.With(ctx, call.Record{IdempotencyKey: key, Subject: "web", Operation: call.Operation{Service: "order", Name: "Place"}})
	return ctx
}

func TestMiddlewareRunsOnceAndRepeatsItsAnswer(t *testing.T) {
	runs := 0
	place := func(_ context.Context, o *order) (*order, error) {
		runs++
		return &order{Buyer: fmt.Sprint(o.Buyer, runs)}, nil
	}
	ep := endpoint.New(place).With(idempotency.Middleware[*order, *order](idempotency.NewMemory()))
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

func TestKeysOfCallersAndOperationsAreSeparate(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (int, error) { runs++; return runs, nil }).
		With(idempotency.Middleware[*order, int](idempotency.NewMemory()))
	place := call.Operation{Service: "order", Name: "Place"}
	for i, c := range []call.Record{
		{Subject: "web", Operation: place}, {Subject: "app", Operation: place},
		{Subject: "web", Operation: call.Operation{Service: "stock", Name: "Place"}},
		{Subject: "web", Operation: call.Operation{Service: "order", Name: "Cancel"}},
		{Subject: "weborder", Operation: call.Operation{Name: "Place"}},
	} {
		c.IdempotencyKey = "k"
		for range 2 {
			ctx := call.With(t.Context(), c)
			if got, err := ep(ctx, &order{"ann"}); got != i+1 || err != nil {
				t.Errorf("%s calling %s of %s got the answer of run %d (%v), not its own", c.Subject, c.Name, c.Service, got, err)
			}
		}
	}
}

func TestAKeyRunsOnceWhateverTheCallersName(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (int, error) { runs++; return runs, nil }).
		With(idempotency.Middleware[*order, int](idempotency.NewMemory()))
	for _, from := range []string{"web", "", "app"} {
		ctx := call.With(t.Context(), call.Record{From: from, IdempotencyKey: "k"})
		if got, err := ep(ctx, &order{"ann"}); got != 1 || err != nil {
			t.Errorf("from %q: run %d (%v)", from, got, err)
		}
	}
}

// writeOnly can be encoded, but not decoded.
type writeOnly struct{ N int }

func (l *writeOnly) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"N":%d}`, l.N), nil }

func TestAKeyedResponseIsEncodedLikeItsPointer(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (writeOnly, error) { runs++; return writeOnly{runs}, nil }).
		With(idempotency.Middleware[*order, writeOnly](idempotency.NewMemory()))
	for range 2 {
		if got, err := ep(keyed(t.Context(), "k"), &order{"ann"}); err != nil || got.N != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestAStoredResponseLosesNoDigit(t *testing.T) {
	ep := endpoint.Endpoint[int, map[string]any](func(context.Context, int) (map[string]any, error) {
		return map[string]any{"id": int64(9007199254740993)}, nil
	}).With(idempotency.Middleware[int, map[string]any](idempotency.NewMemory()))
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "k"})
	for range 2 {
		if got, err := ep(ctx, 1); err != nil || fmt.Sprint(got["id"]) != "9007199254740993" {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestAResponseThatCannotBeStoredFailsRepeats(t *testing.T) {
	for name, response := range map[string]any{"no JSON": math.NaN(), "too large": strings.Repeat("x", 5<<20), "larger than the store": strings.Repeat("x", 70<<20)} {
		runs := 0
		ep := endpoint.New(func(context.Context, *order) (any, error) { runs++; return response, nil }).
			With(idempotency.Middleware[*order, any](idempotency.NewMemory()))
		_, first := ep(keyed(t.Context(), "k"), &order{"ann"})
		if _, encodes := response.(string); (first == nil) != encodes {
			t.Errorf("%s: the first use gave %v", name, first)
		}
		for range 2 {
			_, err := ep(keyed(t.Context(), "k"), &order{"ann"})
			if fault.ReasonOf(err) != "answer_not_kept" || fault.ProblemOf(err).Status != 409 || runs != 1 {
				t.Errorf("%s: a repeat gave %v after %d runs", name, err, runs)
			}
		}
	}
}

// smallStore refuses all but small answers.
type smallStore struct{ *idempotency.Memory }

func (s smallStore) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	if len(answer) > 100 {
		return errors.New("packet too large")
	}
	return s.Memory.Answer(ctx, key, claim, answer, ttl)
}

// unwritable panics when it is encoded.
type unwritable struct{}

func (unwritable) MarshalJSON() ([]byte, error) { panic("unwritable") }

func TestAResponseThatPanicsWhenEncodedDoesNotRunAgain(t *testing.T) {
	runs := 0
	ep := endpoint.Endpoint[int, unwritable](func(context.Context, int) (unwritable, error) {
		runs++
		return unwritable{}, nil
	}).With(idempotency.Middleware[int, unwritable](idempotency.NewMemory()))
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "k"})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		_, _ = ep(ctx, 1)
	}()
	if _, err := ep(ctx, 1); fault.ReasonOf(err) != "answer_not_kept" || runs != 1 {
		t.Errorf("%v after %d runs", err, runs)
	}
}

func TestAnAnswerThatTheStoreRefusesIsReturnedToItsCallerOnly(t *testing.T) {
	runs := 0
	use := func(store idempotency.Store) ([]byte, error) {
		answer, _, err := idempotency.Once(t.Context(), store, "scope", "k", nil, func() ([]byte, bool, error) {
			runs++
			return make([]byte, 1000), true, nil
		})
		return answer, err
	}
	store := smallStore{idempotency.NewMemory()}
	if answer, err := use(store); err != nil || len(answer) != 1000 {
		t.Errorf("the first use got %d bytes, %v", len(answer), err)
	}
	if _, err := use(store); fault.ReasonOf(err) != "answer_not_kept" || runs != 1 {
		t.Errorf("the second got %v after %d runs", err, runs)
	}
}

func TestAnAnswerIsStoredDespiteABriefOutageOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, runs := &flakyStore{Memory: idempotency.NewMemory(), times: 2}, 0
		for range 2 {
			answer, _, err := idempotency.Once(t.Context(), store, "scope", "k", nil, func() ([]byte, bool, error) {
				runs++
				return []byte("done"), true, nil
			})
			if string(answer) != "done" || err != nil || runs != 1 {
				t.Errorf("%q, %v after %d runs", answer, err, runs)
			}
		}
	})
}

// flakyStore fails to store an answer a few times.
type flakyStore struct {
	*idempotency.Memory
	times int
}

func (s *flakyStore) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	if s.times--; s.times >= 0 {
		return errors.New("connection refused")
	}
	return s.Memory.Answer(ctx, key, claim, answer, ttl)
}

// hangingStore hangs in Answer and Release.
type hangingStore struct{ idempotency.Store }

func (hangingStore) Answer(ctx context.Context, _, _ string, _ []byte, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hangingStore) Release(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAStoreThatHangsAfterARunDelaysItForSecondsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, save := range map[string]bool{"it keeps": true, "it lets go": false} {
			begun := time.Now()
			answer, _, err := idempotency.Once(t.Context(), hangingStore{idempotency.NewMemory()}, "", "k", nil, func() ([]byte, bool, error) {
				return []byte("done"), save, nil
			})
			if took := time.Since(begun); string(answer) != "done" || err != nil || took > 20*time.Second {
				t.Errorf("%s: %q, %v after %s", name, answer, err, took)
			}
		}
	})
}

func TestKeepStoresTheAnswerBeforeTheHandlerReturns(t *testing.T) {
	store, runs := idempotency.NewMemory(), 0
	ep := endpoint.New(func(ctx context.Context, o *order) (*order, error) {
		runs++
		if err := idempotency.SaveAnswer(ctx, store, o); err != nil {
			return nil, err
		}
		return nil, errors.New("the process dies here")
	}).With(idempotency.Middleware[*order, *order](store))
	if _, err := ep(keyed(t.Context(), "k"), &order{"ann"}); err == nil {
		t.Error("the run went well")
	}
	if got, err := ep(keyed(t.Context(), "k"), &order{"ann"}); err != nil || got.Buyer != "ann" || runs != 1 {
		t.Errorf("the repeat got %+v, %v after %d runs", got, err, runs)
	}
	if err := idempotency.SaveAnswer(t.Context(), store, &order{}); err != nil {
		t.Errorf("without a key: %v", err)
	}
}

func TestANilFingerprintEqualsAnEmptyOne(t *testing.T) {
	store := idempotency.NewMemory()
	for i, fingerprint := range [][]byte{nil, {}, nil} {
		_, replayed, err := idempotency.Once(t.Context(), store, "scope", "k", fingerprint, func() ([]byte, bool, error) { return nil, true, nil })
		if replayed != (i > 0) || err != nil {
			t.Errorf("use %d: replayed %v, %v", i, replayed, err)
		}
	}
}

func TestNeitherRefusalsNorAnotherScopeEvictAnAnswer(t *testing.T) {
	store := idempotency.NewMemory()
	use := func(scope, key string, answer []byte) (replayed bool) {
		_, replayed, err := idempotency.Once(t.Context(), store, scope, key, nil, func() ([]byte, bool, error) { return answer, true, nil })
		if err != nil {
			t.Fatal(err)
		}
		return replayed
	}
	id := func(n int) string { return fmt.Sprintf("%064d", n) }
	use("honest", "k", []byte("a"))
	for n := range 100_100 { // refusals in one scope, which expire after a minute
		claim, _, err := store.Claim(t.Context(), id(n), nil, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		_ = store.Answer(t.Context(), id(n), claim, []byte("404"), time.Minute)
	}
	last, _, err := store.Claim(t.Context(), id(1<<30), nil, time.Minute)
	_ = store.Answer(t.Context(), id(1<<30), last, []byte("200"), time.Hour)
	for n := range 1000 {
		claim, _, _ := store.Claim(t.Context(), id(200_000+n), nil, time.Minute)
		_ = store.Answer(t.Context(), id(200_000+n), claim, []byte("404"), time.Minute)
	}
	if claim, answer, err := store.Claim(t.Context(), id(1<<30), nil, time.Minute); claim != "" || string(answer) != "200" {
		t.Errorf("refusals pushed out an answer of their own scope: %q, %v", answer, err)
	}
	for n := range 100_100 { // answers in another scope
		use("greedy", fmt.Sprint(n), []byte("a"))
	}
	for n := range 100 { // large ones in a third
		use("large", fmt.Sprint(n), make([]byte, 1<<20))
	}
	if err != nil || !use("honest", "k", nil) {
		t.Errorf("the answer of a scope that holds one was pushed out (%v)", err)
	}
}

func TestMiddlewareRefusesTheKeyWithAnotherRequest(t *testing.T) {
	ep := endpoint.New(endpoint.Identity[*order]).With(idempotency.Middleware[*order, *order](idempotency.NewMemory()))
	_, _ = ep(keyed(t.Context(), "k"), &order{"ann"})
	_, err := ep(keyed(t.Context(), "k"), &order{"bob"})
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != "key_reused" || fault.ProblemOf(err).Status != 422 {
		t.Fatalf("got %v", err)
	}
}

func TestMiddlewareRefusesTheKeyWhileItIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep := endpoint.New(func(context.Context, *order) (string, error) { bubble.Sleep(time.Minute); return "done", nil }).
			With(idempotency.Middleware[*order, string](idempotency.NewMemory()))
		go func() { _, _ = ep(keyed(t.Context(), "k"), &order{"ann"}) }()
		synctest.Wait()
		_, err := ep(keyed(t.Context(), "k"), &order{"ann"})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Reason != "key_in_use" || fault.ProblemOf(err).Status != 409 {
			t.Fatalf("got %v", err)
		}
		bubble.Sleep(2 * time.Minute)
		if got, err := ep(keyed(t.Context(), "k"), &order{"ann"}); got != "done" || err != nil {
			t.Fatalf("afterwards %q, %v", got, err)
		}
	})
}

func TestMiddlewareDoesNotStoreFailuresAndPanics(t *testing.T) {
	runs := 0
	ep := endpoint.New(func(context.Context, *order) (string, error) {
		switch runs++; runs {
		case 1:
			return "", fault.Unavailable.Errorf("down")
		case 2:
			panic("boom")
		}
		return "placed", nil
	}).With(endpoint.Recover(nil), idempotency.Middleware[*order, string](idempotency.NewMemory()))
	for _, want := range []fault.Code{fault.Unavailable, fault.Internal, 0} {
		if _, err := ep(keyed(t.Context(), "k"), &order{"ann"}); fault.CodeOf(err) != want {
			t.Fatalf("run %d gave %v", runs, err)
		}
	}
}

// outcome is a response that may count as an error, like go-kit's.
type outcome struct{ Err string }

func (o outcome) Failed() error {
	if o.Err == "" {
		return nil
	}
	return errors.New(o.Err)
}

func TestMiddlewareDoesNotStoreAResponseThatCountsAsAnError(t *testing.T) {
	runs := 0
	ep := idempotency.Middleware[*order, outcome](idempotency.NewMemory())(func(context.Context, any) (any, error) {
		if runs++; runs == 1 {
			return outcome{"down"}, nil
		}
		return outcome{}, nil
	})
	for want := range 3 {
		got, err := ep(keyed(t.Context(), "k"), &order{"ann"})
		if failed := got.(outcome).Err != ""; err != nil || failed != (want == 0) || runs > 2 {
			t.Errorf("use %d: %+v, %v after %d runs", want, got, err, runs)
		}
	}
}

func TestMiddlewareReleasesTheKeyOfACallerWhoGaveUp(t *testing.T) {
	ep := endpoint.New(func(ctx context.Context, _ *order) (string, error) { return "", ctx.Err() }).
		With(idempotency.Middleware[*order, string](idempotency.NewMemory()))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if _, err := ep(keyed(gone, "k"), &order{"ann"}); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
}

// contextStore does nothing with a context that has ended.
type contextStore struct{ *idempotency.Memory }

func (s contextStore) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Memory.Answer(ctx, key, claim, answer, ttl)
}

func (s contextStore) Release(ctx context.Context, key, claim string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Memory.Release(ctx, key, claim)
}

func TestARunIsStoredOrReleasedAfterItsCallerGaveUp(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	store, runs := contextStore{idempotency.NewMemory()}, 0
	use := func(key string, save bool) (bool, error) {
		_, replayed, err := idempotency.Once(ctx, store, "scope", key, nil, func() ([]byte, bool, error) {
			runs++
			leave()
			return []byte("done"), save, nil
		})
		return replayed, err
	}
	for i, tt := range []struct {
		key            string
		save, replayed bool
	}{{"kept", true, false}, {"kept", true, true}, {"given back", false, false}, {"given back", false, false}} {
		if replayed, err := use(tt.key, tt.save); replayed != tt.replayed || err != nil {
			t.Errorf("use %d, %s: replayed %v, %v", i+1, tt.key, replayed, err)
		}
	}
	if runs != 3 {
		t.Errorf("%d runs, want 3", runs)
	}
}

func TestMemoryStoreFreesAnExpiredClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := idempotency.NewMemory()
		claim := func() string {
			claim, _, _ := store.Claim(t.Context(), "k", []byte("f"), time.Minute)
			return claim
		}
		first := claim()
		if first == "" || claim() != "" {
			t.Fatal("the first claim holds")
		}
		bubble.Sleep(59 * time.Second)
		_ = store.Renew(t.Context(), "k", first, time.Minute)
		bubble.Sleep(59 * time.Second)
		if claim() != "" {
			t.Fatal("a renewed claim was given away")
		}
		bubble.Sleep(time.Second)
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
		bubble.Sleep(time.Hour)
		if claim() == "" {
			t.Fatal("an answer outlives its time")
		}
	})
}

func TestARunClaimsItsKeyHoweverLongItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, runs := idempotency.NewMemory(), 0
		use := func(ctx context.Context) error {
			_, _, err := idempotency.Once(ctx, store, "scope", "k", []byte("f"), func() ([]byte, bool, error) {
				runs++
				bubble.Sleep(time.Hour)
				return nil, true, nil
			})
			return err
		}
		done := make(chan error)
		caller, leave := context.WithCancel(t.Context())
		defer leave()
		go func() { done <- use(caller) }()
		for range 59 {
			bubble.Sleep(time.Minute)
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
	store, ctx := idempotency.NewMemory(), t.Context()
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

func TestMemoryStoreEvictsTheOldestAnswersAndNoRunningClaim(t *testing.T) {
	store, ctx := idempotency.NewMemory(), t.Context()
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

func TestMiddlewareRunsOnceUnderRace(t *testing.T) {
	var runs atomic.Int32
	ep := endpoint.New(func(context.Context, *order) (string, error) { runs.Add(1); return "placed", nil }).
		With(idempotency.Middleware[*order, string](idempotency.NewMemory()))
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

func TestANilStorePanicsWhereItIsGiven(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "the store is nil") {
			t.Errorf("got the panic %q", text)
		}
	}()
	_ = idempotency.Middleware[*order, *order](nil)
}
