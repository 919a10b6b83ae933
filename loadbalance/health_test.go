package loadbalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestFiveFailuresInARowEjectForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", "", ""))
		fail(t, b, "a", 4)
		only(t, b, "a").Done(context.Background(), nil)
		fail(t, b, "a", 4)
		if ejected(b) != 0 {
			t.Error("four in a row eject")
		}
		fail(t, b, "a", 1)
		if !state(t, b, "a").Ejected {
			t.Fatal("five in a row do not eject")
		}
		if got := counts(t, b, 300, succeeds); got["a"] != 0 {
			t.Errorf("an ejected instance was picked: %v", got)
		}
		<-time.After(5*time.Second - 1)
		if !state(t, b, "a").Ejected {
			t.Error("it is back too early")
		}
		<-time.After(1)
		if state(t, b, "a").Ejected {
			t.Error("it is not back")
		}
	})
}

func TestEachFurtherEjectionIsLongerUntilTheInstanceHasWorkedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Period: time.Second}}, instances("", ""))
		lasts := func() time.Duration {
			fail(t, b, "a", 5)
			start := time.Now()
			for state(t, b, "a").Ejected {
				<-time.After(100 * time.Millisecond)
			}
			return time.Since(start)
		}
		for n := range 12 {
			if got, want := lasts(), time.Duration(min(n+1, 10))*time.Second; got != want {
				t.Errorf("ejection %d lasted %s, not %s", n+1, got, want)
			}
		}
		<-time.After(11 * time.Second)
		if got := lasts(); got != time.Second {
			t.Errorf("after ten good periods it lasted %s", got)
		}
	})
}

func TestFailuresOfEarlierCallsDoNotCountAfterAnEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", ""))
		var late []loadbalance.Picked
		for range 20 {
			late = append(late, only(t, b, "a"))
		}
		for _, picked := range late[:10] {
			picked.Done(context.Background(), errDown)
		}
		<-time.After(5 * time.Second)
		for _, picked := range late[10:] {
			picked.Done(context.Background(), errDown)
		}
		if ejected(b) != 0 {
			t.Error("calls from before its ejection ejected it again")
		}
		fail(t, b, "a", 1)
		if ejected(b) != 1 {
			t.Error("back for the first time it failed, and is not out")
		}
	})
}

func TestNeverMoreThanMaxPercentAreOut(t *testing.T) {
	for _, c := range []struct{ all, percent, want int }{
		{1, 100, 0}, {2, 50, 1}, {2, 1, 1}, {3, 50, 1}, {4, 50, 2}, {10, 50, 5}, {10, 30, 3}, {10, 100, 9}, {10, 1, 1}, {7, 0, 3},
	} {
		b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{MaxPercent: c.percent}}, many(c.all))
		for n := range max(c.all-1, 1) {
			fail(t, b, fmt.Sprint(n), 10)
		}
		if got := ejected(b); got != c.want {
			t.Errorf("%d%% of %d: %d are out, not %d", c.percent, c.all, got, c.want)
		}
	}
}

func TestNeverMoreThanMaxPercentAreOutWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			percent := rapid.IntRange(1, 100).Draw(rt, "percent")
			policy := loadbalance.Policy{Ejection: loadbalance.Ejection{Failures: 1, MaxPercent: percent, Period: time.Second}}
			b := pool(policy, many(12))
			for range 30 {
				switch rapid.IntRange(0, 9).Draw(rt, "what") {
				case 0:
					b.Update(many(20)[rapid.IntRange(0, 9).Draw(rt, "from"):][:rapid.IntRange(0, 11).Draw(rt, "all")])
				case 1:
					<-time.After(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 20 * time.Second}).Draw(rt, "later"))
				case 2:
					percent = rapid.IntRange(1, 100).Draw(rt, "percent")
					policy.Ejection.MaxPercent = percent
					if err := b.Set(policy); err != nil {
						rt.Fatal(err)
					}
				default:
					if picked, err := b.Pick(t.Context(), anyRequest); err == nil {
						picked.Done(t.Context(), errDown)
					}
				}
				all := len(b.Snapshot().Instances)
				if out := ejected(b); out > max(percent*all/100, 1) || out > 0 && out >= all {
					rt.Fatalf("%d of %d are out, with %d%%", out, all, percent)
				}
			}
		})
	})
}

func TestOnlyEjectedInstancesLeftAreAllUsed(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", "", "", ""))
		fail(t, b, "a", 5)
		fail(t, b, "b", 5)
		if ejected(b) != 2 {
			t.Fatalf("%d are out", ejected(b))
		}
		b.Update(instances("")) // the good ones leave, and then the first again
		if got := pick(t, b).Instance.ID; got != "a" || ejected(b) != 0 {
			t.Errorf("%s: %s of one, %d out", a, got, ejected(b))
		}
	}
}

func TestWhenAllFailAlikeNoneIsOut(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Period: time.Hour}}, many(6))
			down := func(string) (time.Duration, error) { return 10 * time.Millisecond, errDown }
			counts(t, b, 200, down)
			got := counts(t, b, 3000, down)
			if ejected(b) != 0 {
				t.Errorf("%s: all are down, and %d are out", a, ejected(b))
			}
			for id := range 6 {
				if got[fmt.Sprint(id)] < 250 {
					t.Errorf("%s: the calls are not shared: %v", a, got)
				}
			}
		})
	}
}

// One instance is ejected before the others start to fail as well.
func TestAnEjectionEndsWhenTheOthersFailAsMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Period: time.Hour}}, many(4))
		fail(t, b, "0", 5)
		if ejected(b) != 1 {
			t.Fatal("it is not out")
		}
		counts(t, b, 200, func(string) (time.Duration, error) { return 10 * time.Millisecond, errDown })
		if ejected(b) != 0 {
			t.Errorf("all fail, and %d are out", ejected(b))
		}
	})
}

func TestDisabledEjectionEjectsNoneAndReadmitsAll(t *testing.T) {
	b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", ""))
	fail(t, b, "a", 5)
	if err := b.Set(loadbalance.Policy{Ejection: loadbalance.Ejection{Disabled: true}}); err != nil {
		t.Fatal(err)
	}
	if ejected(b) != 0 {
		t.Error("the ejection outlives its policy")
	}
	fail(t, b, "a", 50)
	if ejected(b) != 0 {
		t.Error("it was ejected")
	}
}

func TestBelowPanicPercentAllAreUsed(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{PanicPercent: 80, Period: time.Hour}}, many(4))
		fail(t, b, "0", 5)
		got := map[string]bool{}
		for range 300 {
			got[pick(t, b).Instance.ID] = true
		}
		if !got["0"] || ejected(b) != 1 {
			t.Errorf("%s: three of four are fewer than 80 %%, and it uses %v, %d out", a, got, ejected(b))
		}
	}
}
