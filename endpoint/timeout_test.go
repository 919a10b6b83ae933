package endpoint_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

func waitFor(ctx context.Context, d time.Duration) (string, error) {
	select {
	case <-time.After(d):
		return "done", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func TestTimeoutEndsASlowCallAndNamesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep := endpoint.New(waitFor).With(endpoint.Timeout(time.Second))
		start := time.Now()
		_, err := ep(t.Context(), time.Minute)
		if time.Since(start) != time.Second || !errors.Is(err, fault.DeadlineExceeded) || !strings.Contains(err.Error(), "timeout of 1s") {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
		if fault.Judge(t.Context(), err).Outcome() != fault.Failure {
			t.Fatal("our own timeout is not the callee's failure")
		}
		if got, err := ep(t.Context(), time.Millisecond); got != "done" || err != nil {
			t.Fatalf("a quick call gave %q, %v", got, err)
		}
	})
}

func TestTimeoutDoesNotReplaceTheCallersOwnDeadlineOrCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep := endpoint.New(waitFor).With(endpoint.Timeout(time.Minute))
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := ep(hurried, time.Hour)
		if time.Since(start) != time.Second || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "timeout of") {
			t.Fatalf("after %s: %v", time.Since(start), err)
		}
		gone, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { leave(errors.New("client left")) })
		_, err = ep(gone, time.Hour)
		if fault.Judge(gone, err).Outcome() != fault.Ignored || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "timeout of") {
			t.Fatalf("a caller who left is held against the callee: %v", err)
		}
	})
}

func TestTimeoutReturnsTheEndpointsOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(context.Context, int) (int, error) {
			bubble.Sleep(2 * time.Second)
			return 0, fault.NotFound.Errorf("no such thing")
		}
		_, err := endpoint.New(late).With(endpoint.Timeout(time.Second))(t.Context(), 1)
		if !errors.Is(err, fault.NotFound) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestTimeoutPanicsUnlessPositive(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "positive") {
			t.Fatalf("panic %v", p)
		}
	}()
	endpoint.Timeout(0)
}

// heapGrowth returns by how many bytes f makes the heap grow.
func heapGrowth(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func TestTimeoutLeavesNoMemoryInALongLivedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ep := endpoint.New(func(ctx context.Context, n int) (int, error) {
		ctx.Done()
		return n, nil
	}).With(endpoint.Timeout(time.Hour))
	if grown := heapGrowth(func() {
		for n := range 100_000 {
			_, _ = ep(ctx, n)
		}
	}); grown > 5<<20 {
		t.Errorf("100,000 calls left %d bytes", grown)
	}
}

func TestCallsNeverSeeEachOthersValues(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		check := func(ctx context.Context, n int) {
			if c := call.Of(ctx); ctx.Value(key{}) != n || c == nil || c.HashKey != strconv.Itoa(n) {
				t.Errorf("call %d has the value %v and the record %+v", n, ctx.Value(key{}), c)
			}
		}
		var mu sync.Mutex
		kept := map[int]context.Context{}
		ep := endpoint.New(func(ctx context.Context, n int) (int, error) {
			check(ctx, n)
			if n%2 == 0 {
				bubble.Sleep(time.Duration(n%7) * time.Millisecond)
			}
			select {
			case <-ctx.Done():
				t.Errorf("call %d ended by another one's end", n)
			case <-time.After(time.Duration(n%5) * time.Millisecond):
			}
			check(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			kept[n] = ctx
			return n, nil
		}).With(endpoint.Recover(nil), endpoint.Timeout(time.Hour), endpoint.Validate(), endpoint.Timeout(time.Minute))
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				ctx := call.With(context.WithValue(t.Context(), key{}, n), call.Record{HashKey: strconv.Itoa(n)})
				if got, err := ep(ctx, n); got != n || err != nil {
					t.Errorf("call %d was answered %d, %v", n, got, err)
				}
			})
		}
		all.Wait()
		for n, ctx := range kept { // no call sees the values of another one
			if check(ctx, n); !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("call %d is over, and its context is not: %v", n, ctx.Err())
			}
		}
	})
}
