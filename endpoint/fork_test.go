package endpoint_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

func TestAForkedRecordHasTheTriedInstancesAndSharesNothing(t *testing.T) {
	_, call := endpoint.WithCall(t.Context(), endpoint.Call{HashKey: "k", Attempt: 1, Now: time.Now()})
	call.Try("a")
	fork := call.Fork()
	call.Try("b")
	call.Attempt = 7
	made := fork()
	if fmt.Sprint(made.Tried) != "[a b]" || made.HashKey != "k" || made.Attempt != 1 || !made.Now.IsZero() {
		t.Errorf("%+v", made)
	}
	made.Try("c")
	call.Try("d")
	other := fork()
	if fmt.Sprint(made.Tried, call.Tried, other.Tried) != "[a b c] [a b d] [a b d]" {
		t.Errorf("%v, %v, %v", made.Tried, call.Tried, other.Tried)
	}
}

func TestARecordIsForkedWhileItsCallGoesOn(t *testing.T) {
	_, call := endpoint.WithCall(t.Context(), endpoint.Call{})
	fork := call.Fork()
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 100 {
			call.Try(fmt.Sprint(i))
			call.Addr = fmt.Sprint(i)
		}
	})
	for range 100 {
		made := fork()
		for i, id := range made.Tried {
			if id != fmt.Sprint(i) {
				t.Fatalf("%v", made.Tried)
			}
		}
		made.Try("x")
	}
	both.Wait()
}
