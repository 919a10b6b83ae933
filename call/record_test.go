package call_test

import (
	"context"
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
