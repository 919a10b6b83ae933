package loadbalance_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestTheShareOfANewInstanceGrows(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a}, many(4))
			b.Update(many(5))
			var got []int
			for range 6 {
				n := 0
				for k := range 400 {
					picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(k)})
					if err != nil {
						t.Fatal(err)
					}
					if picked.Instance.ID == "4" {
						n++
					}
					<-time.After(5 * time.Millisecond)
					picked.Done(t.Context(), nil)
				}
				got = append(got, n)
			}
			if got[0] > 40 || got[5] < 50 {
				t.Errorf("%s: every two seconds it got %v of 400", a, got)
			}
		})
	}
}

func TestWhenAllAreNewNoneStartsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.Random}, many(1))
		b.Update(many(10))
		got := counts(t, b, 1000, takes(time.Millisecond))
		if got["0"] > 200 {
			t.Errorf("%v", got)
		}
	})
}

// An instance of weight zero, the lowest, gets hardly any call, however many calls the
// others have in flight.
func TestTheLowestWeightGetsHardlyAnyCalls(t *testing.T) {
	for _, a := range algorithms {
		for name, weights := range map[string][]string{
			"beside one": {"1", "0"}, "beside two": {"", "", "0"}, "beside many": {"", "", "", "", "", "", "", "0"}, "beside heavy ones": {"100", "100", "0"},
		} {
			for _, callers := range []int{2, 5, 50} {
				for _, repeat := range []bool{false, true} {
					if repeat && len(weights) < 3 {
						continue // there is no other one
					}
					t.Run(fmt.Sprintf("%s, %s, %d at once, repeats %v", a, name, callers, repeat), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							all := instances(weights...)
							request := anyRequest
							if repeat {
								request.Tried = []string{all[0].ID}
							}
							if got, calls := callsOf(t, pool(loadbalance.Policy{Algorithm: a}, all), all[len(all)-1].ID, callers, request); 50*got > calls {
								t.Errorf("%d of %d calls", got, calls)
							}
						})
					})
				}
			}
		}
	}
}

// callsOf is how many calls go to an instance when so many callers call at once.
func callsOf(t *testing.T, b *loadbalance.Pool, id string, callers int, r loadbalance.Request) (got, calls int) {
	t.Helper()
	var those, others atomic.Int64
	done := make(chan struct{})
	for range callers {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 2000 / callers {
				picked, err := b.Pick(context.Background(), r)
				if err != nil {
					t.Error(err)
					return
				}
				if picked.Instance.ID == id {
					those.Add(1)
				} else {
					others.Add(1)
				}
				<-time.After(10 * time.Millisecond)
				picked.Done(context.Background(), nil)
			}
		}()
		<-time.After(time.Millisecond / 7)
	}
	for range callers {
		<-done
	}
	return int(those.Load()), int(those.Load() + others.Load())
}

// A new instance mostly has no call in flight: it must not be the better one of two for
// every call while its share grows.
func TestANewInstanceBesideFewStartsSlowlyAtAnyLoad(t *testing.T) {
	for _, a := range algorithms {
		for _, n := range []int{2, 3, 5} {
			for _, callers := range []int{1, 5, 50} {
				synctest.Test(t, func(t *testing.T) {
					all := instances(make([]string, n)...)
					b := pool(loadbalance.Policy{Algorithm: a, SlowStart: loadbalance.SlowStart{Window: time.Hour}}, all[:n-1])
					<-time.After(2 * time.Hour)
					b.Update(all)
					if got, calls := callsOf(t, b, all[n-1].ID, callers, anyRequest); 2*got*n > calls {
						t.Errorf("%s: the new one of %d has %d of %d calls of %d callers", a, n, got, calls, callers)
					}
				})
			}
		}
	}
}
