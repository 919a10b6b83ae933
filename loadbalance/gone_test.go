package loadbalance_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// away are pools whose first instances are gone.
var away = []struct{ all, dead int }{{3, 2}, {4, 3}, {10, 8}, {10, 9}}

// deadOf says that an instance of many is one of the dead first ones.
func deadOf(id string, dead int) bool { return slices.Contains(ids(dead), id) }

func ids(n int) (all []string) {
	for id := range n {
		all = append(all, fmt.Sprint(id))
	}
	return all
}

// answers makes n calls one after the other. Connections to the dead are refused; it
// returns how many that were, without the probes.
func answers(t *testing.T, b *loadbalance.Pool, n, dead int) (refused, probes int) {
	t.Helper()
	for range n {
		picked := pick(t, b)
		<-time.After(time.Millisecond)
		switch {
		case !deadOf(picked.Instance.ID, dead):
			picked.Done(t.Context(), nil)
			continue
		case picked.HedgeAfter > 0:
			probes++
		default:
			refused++
		}
		picked.Done(t.Context(), errUnreachable)
	}
	return refused, probes
}

func TestWhereMostRefuseConnectionsTheOthersGetTheCalls(t *testing.T) {
	for _, a := range algorithms {
		for _, tt := range away {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Seed: 1, Algorithm: a}, many(tt.all))
				answers(t, b, 2000, 0)
				first, _ := answers(t, b, 20*tt.all, tt.dead)
				later, probes := answers(t, b, 20_000, tt.dead)
				if first > 2*tt.dead || later > 0 {
					t.Errorf("%s: %d of %d refuse: %d calls went there at first, and %d later", a, tt.dead, tt.all, first, later)
				}
				if got := ejected(b); got < tt.dead-1 || got > tt.dead { // one may be on probation just now
					t.Errorf("%s: %d of %d refuse, and %d are out", a, tt.dead, tt.all, got)
				}
				if most := 8 * tt.dead; probes > most {
					t.Errorf("%s: %d probes of %d in 20 s", a, probes, tt.dead)
				}
				for id := tt.dead; id < tt.all; id++ {
					if i := state(t, b, fmt.Sprint(id)); i.Ejected || i.Probation {
						t.Errorf("%s: one that works: %+v", a, i)
					}
				}
			})
		}
	}
}

func TestAGoneInstanceIsProbedAfterHalfTheTime(t *testing.T) {
	for _, gone := range []time.Duration{500 * time.Millisecond, 4 * time.Second, 20 * time.Second, 3 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(4))
			answers(t, b, 1000, 0)
			answers(t, b, int(gone/time.Millisecond), 3)
			back := time.Now()
			for slices.ContainsFunc(b.Snapshot().Instances, func(i loadbalance.Instance) bool { return i.Ejected || i.Probation }) {
				if answers(t, b, 10, 0); time.Since(back) > 2*time.Minute {
					t.Fatalf("away for %s, and not found again", gone)
				}
			}
			if took, most := time.Since(back), min(max(gone/2, time.Second), 50*time.Second)+time.Second/2; took > most {
				t.Errorf("away for %s, and found again %s after, should be %s", gone, took, most)
			}
		})
	}
}

func TestAnUnsafeCallMayProbeAnInstanceThatRefusesConnections(t *testing.T) {
	for name, err := range map[string]error{"refuses": errUnreachable, "fails": errDown} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(3))
			answers(t, b, 300, 0)
			for range 5 {
				only(t, b, "0").Done(t.Context(), err)
			}
			if !state(t, b, "0").Ejected {
				t.Fatal("it is not out")
			}
			<-time.After(6 * time.Second)
			if picked, ok := probe(t, b, anyRequest); ok != (name == "refuses") || ok && picked.Instance.ID != "0" {
				t.Errorf("one that %s: an unsafe call is its probe: %v", name, ok)
			}
		})
	}
}

func TestGoneInstancesDoNotCountForPanicPercent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1, Ejection: loadbalance.Ejection{PanicPercent: 60}}, many(10))
		answers(t, b, 1000, 0)
		answers(t, b, 200, 7)
		if refused, _ := answers(t, b, 500, 7); refused > 0 {
			t.Fatalf("three of ten are left, and %d calls went to those that are gone", refused)
		}
		fail(t, b, "7", 5)
		if refused, _ := answers(t, b, 500, 7); refused > 0 || !state(t, b, "7").Ejected {
			t.Errorf("two of three that are there are fit: %d calls went to those that are gone", refused)
		}
		fail(t, b, "8", 5)
		if got := ejected(b); got < 7 || got > 8 || state(t, b, "8").Ejected {
			t.Errorf("of the three that are there more than one is out: %+v", b.Snapshot().Instances)
		}
	})
}

func TestTheLastReachableInstanceIsNeverOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(5))
		answers(t, b, 1000, 0)
		answers(t, b, 200, 4)
		for _, err := range []error{errDown, errUnreachable} {
			for range 20 {
				only(t, b, "4").Done(t.Context(), err)
				if state(t, b, "4").Ejected {
					t.Fatal("the last one is out")
				}
			}
		}
	})
}

func TestInstancesThatAnswerWithFailuresAreNoLongerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(10))
		answers(t, b, 1000, 0)
		answers(t, b, 500, 8)
		for range 20_000 { // they are there, and answer badly
			picked := pick(t, b)
			<-time.After(time.Millisecond)
			var err error
			if deadOf(picked.Instance.ID, 8) {
				err = errDown
			}
			picked.Done(t.Context(), err)
		}
		if got := ejected(b); got > 5 {
			t.Errorf("%d of ten are out, and all answer", got)
		}
	})
}

// Where too few of the instances that are not gone are healthy, all of these are used, but
// none that is gone.
func TestGoneInstancesAreNotUsedBelowPanicPercent(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1, Algorithm: a, Ejection: loadbalance.Ejection{PanicPercent: 80, Period: time.Hour}}, many(10))
			answers(t, b, 1000, 0)
			answers(t, b, 300, 7)
			fail(t, b, "7", 5) // two of three are fit: all three are used
			if !state(t, b, "7").Ejected {
				t.Fatalf("%s: it fails and is not out: %+v", a, b.Snapshot().Instances)
			}
			gone, seven := 0, 0
			for range 500 {
				picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(gone, seven)})
				if err != nil {
					t.Fatal(err)
				}
				if deadOf(picked.Instance.ID, 7) {
					gone++
				} else if picked.Instance.ID == "7" {
					seven++
				}
				<-time.After(time.Millisecond)
				picked.Done(t.Context(), nil)
			}
			if gone > 0 || seven == 0 && a != loadbalance.PeakEWMA { // under which its cost is too high
				t.Errorf("%s: of 500 calls %d go to those that are gone, and %d to the one that fails", a, gone, seven)
			}
		})
	}
}
