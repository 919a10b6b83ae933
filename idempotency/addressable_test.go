package idempotency_test

import (
	"context"

	"fmt"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

// sum encodes and decodes itself by methods of the pointer, and has no exported field.
type sum struct{ n int }

func (s *sum) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d", s.n), nil }

func (s *sum) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscan(string(text), &s.n)
	return err
}

type bill struct {
	Sum sum `json:"sum"`
}

func TestKeyedUsesTheMethodsOfPointers(t *testing.T) {
	ran := 0
	pay := endpoint.New(func(_ context.Context, b bill) (bill, error) { ran++; return b, nil }).With(idempotency.Middleware[bill, bill](idempotency.NewMemory()))
	for range 2 {
		ctx := call.With(t.Context(), call.Record{IdempotencyKey: "k"})
		if got, err := pay(ctx, bill{sum{7}}); err != nil || got.Sum.n != 7 || ran != 1 {
			t.Errorf("%+v, %v, ran %d times", got, err, ran)
		}
	}
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "k"})
	if got, err := pay(ctx, bill{sum{8}}); fault.ReasonOf(err) != fault.ReasonOf(idempotency.KeyReused()) {
		t.Errorf("another request got %+v, %v", got, err)
	}
}
