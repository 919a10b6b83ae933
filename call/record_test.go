package call_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/sinew-go/sinew/call"
)

func TestARecordIsFoundInTheContextsBelowIt(t *testing.T) {
	if call.Of(t.Context()) != nil {
		t.Error("there is a record without a call")
	}
	ctx := call.With(t.Context(), call.Record{RequestID: "r-1"})
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	if r := call.Of(inner); r == nil || r != call.Of(ctx) || r.RequestID != "r-1" {
		t.Errorf("the record is %+v, want that of the context above", r)
	}
}

func TestARecordCostsOneAllocation(t *testing.T) {
	var ctx context.Context
	if n := testing.AllocsPerRun(100, func() { ctx = call.With(t.Context(), call.Record{}) }); n != 1 || call.Of(ctx) == nil {
		t.Errorf("a context with a record costs %v allocations, want 1", n)
	}
}

func TestARecordOfAHandlerTakesOverWhatTravels(t *testing.T) {
	served := call.Record{
		Operation: call.Operation{Name: "POST /orders"}, Inbound: true,
		RequestID: "r-1", Priority: 3, Repeated: true, Explanation: &call.Explanation{}, IdempotencyKey: "k-1", HashKey: "h-1",
	}
	ctx := call.With(t.Context(), served)
	next := *call.Of(call.With(ctx, call.Record{IdempotencyKey: "k-2"}))
	want := call.Record{RequestID: "r-1", Priority: 3, Repeated: true, Explanation: served.Explanation, IdempotencyKey: "k-2"}
	if !reflect.DeepEqual(next, want) {
		t.Errorf("got %+v, want %+v", next, want)
	}
	if own := call.Of(call.With(ctx, call.Record{RequestID: "r-2", Priority: -1})); own.RequestID != "r-2" || own.Priority != -1 {
		t.Errorf("what the record has itself became %q and %d", own.RequestID, own.Priority)
	}
	if other := call.Of(call.With(ctx, call.Record{Inbound: true})); other.RequestID != "" || other.Repeated {
		t.Errorf("another call being served took over %+v", other)
	}
	if repeat := call.Of(call.With(call.With(t.Context(), call.Record{Attempt: 2}), call.Record{})); !repeat.Repeated {
		t.Error("in a repeat the record does not say so")
	}
}
