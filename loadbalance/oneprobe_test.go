package loadbalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// A retry that finds no other instance goes to one that is out, beside its probe.
func TestAProbeIsInFlightUntilItEndsWhateverOtherCallsFind(t *testing.T) {
	repeat := func(t *testing.T, b *loadbalance.Pool, took time.Duration, err error) {
		picked := only(t, b, "a")
		<-time.After(took)
		picked.Done(t.Context(), err)
	}
	for name, others := range map[string]func(t *testing.T, b *loadbalance.Pool){
		"a repeat fails":   func(t *testing.T, b *loadbalance.Pool) { repeat(t, b, 0, errDown) },
		"a repeat is slow": func(t *testing.T, b *loadbalance.Pool) { repeat(t, b, time.Second, nil) },
		"repeats do well, and then fail": func(t *testing.T, b *loadbalance.Pool) {
			for range 3 {
				repeat(t, b, time.Millisecond, nil)
			}
			if i := state(t, b, "a"); i.Probation || i.Ejected {
				t.Fatalf("%+v", i)
			}
			<-time.After(time.Millisecond)
			fail(t, b, "a", 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := poolWithProbeDue(t)
				if err := b.Set(loadbalance.Policy{Probation: loadbalance.Probation{Timeout: time.Minute}}); err != nil {
					t.Fatal(err)
				}
				first, ok := probe(t, b, safe)
				if !ok {
					t.Fatal("no probe")
				}
				others(t, b)
				<-time.After(20 * time.Second)
				if _, ok := probe(t, b, safe); ok {
					t.Fatal("two probes are under way")
				}
				first.Done(t.Context(), nil)
				<-time.After(3 * time.Second)
				if _, ok := probe(t, b, safe); !ok {
					t.Error("no probe after the first has ended")
				}
			})
		})
	}
}

func TestAProbeThatEndsWhenItsInstanceIsUsedAgainIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		if err := b.Set(loadbalance.Policy{Probation: loadbalance.Probation{Timeout: time.Hour}}); err != nil {
			t.Fatal(err)
		}
		first, ok := probe(t, b, safe)
		if !ok {
			t.Fatal("no probe")
		}
		for range 3 {
			picked := only(t, b, "a")
			<-time.After(time.Millisecond)
			picked.Done(t.Context(), nil)
		}
		first.Done(t.Context(), nil)
		fail(t, b, "a", 5)
		<-time.After(20 * time.Second)
		if _, ok := probe(t, b, safe); !ok {
			t.Error("the mark of a probe that has ended keeps others away")
		}
	})
}

func TestAProbeThatIsGivenUpDuringAnEjectionDoesNotShortenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		if _, ok := probe(t, b, safe); !ok { // and never returns
			t.Fatal("no probe")
		}
		<-time.After(time.Second)
		only(t, b, "a").Done(t.Context(), errDown) // out for ten seconds
		for range 9 {
			<-time.After(time.Second)
			if _, ok := probe(t, b, safe); ok {
				t.Fatal("probed while it is out")
			}
		}
		<-time.After(6 * time.Second)
		if _, ok := probe(t, b, safe); !ok {
			t.Error("not probed after it was out")
		}
	})
}
