package registry_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

var errAway = fault.Unavailable.Errorf("connection refused")

func TestLastGoodListIsKeptWhileTheRegistryFails(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b")
		seen := follow(t, r)
		s.fail(errAway)
		bubble.Sleep(time.Minute)
		s.fail(errAway)
		bubble.Sleep(time.Hour)
		now := r.Snapshot("orders")
		if !slices.Equal(ids(now.Instances), []string{"a", "b"}) || !now.Stale || !now.Known || now.Err == nil || now.Age != time.Hour+time.Minute {
			t.Errorf("while it fails: %+v", now)
		}
		if err := r.WaitReady(t.Context(), "orders"); err != nil {
			t.Errorf("Ready: %v", err)
		}
		if got := seen(); got != "a,b" {
			t.Errorf("it was told %q", got)
		}
		s.list("a", "b", "c")
		if now := r.Snapshot("orders"); now.Stale || now.Err != nil || now.Age != 0 || len(now.Instances) != 3 {
			t.Errorf("after it: %+v", now)
		}
		if got := seen(); got != "a,b a,b,c" {
			t.Errorf("it was told %q", got)
		}
	})
}

func TestOnlyHealthyInstancesArePublished(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		ill, unsure := orders("b"), orders("c")
		ill.Status, unsure.Status = registry.Unhealthy, registry.Unknown
		s.give(ill, orders("a"), unsure)
		if got := ids(r.Snapshot("orders").Instances); !slices.Equal(got, []string{"a"}) {
			t.Errorf("it hands out %v", got)
		}
	})
}

func TestSmallLossesArePublishedAtOnce(t *testing.T) {
	for before, after := range map[string]string{
		"a":                   "",
		"a,b":                 "",
		"a,b,c":               "a",
		"a,b,c,d,e,f":         "a,b,c",
		"a,b,c,d,e,f,g,h,i,j": "a,b,c,d,e",
		"a,b,c,d":             "e,f,g,h", // all replaced
	} {
		resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
			s.list(split(before)...)
			s.list(split(after)...)
			if now := r.Snapshot("orders"); strings.Join(ids(now.Instances), ",") != after || now.Stale {
				t.Errorf("%s, then %s: %+v", before, after, now)
			}
		})
	}
}

func TestImplausibleLossIsHeldBack(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d", "e")
		seen := follow(t, r)
		s.list("a", "f") // f is new: published at once
		if now := r.Snapshot("orders"); now.HeldBack != 4 || !now.Stale || now.Err != nil || len(now.Instances) != 6 {
			t.Errorf("held back: %+v", now)
		}
		bubble.Sleep(5 * time.Second)
		s.list("a", "b") // b is back; f is missing and waits with the others
		if now := r.Snapshot("orders"); now.HeldBack != 4 || len(now.Instances) != 6 {
			t.Errorf("b came back: %+v", now)
		}
		bubble.Sleep(5*time.Second - 1)
		synctest.Wait()
		if now := r.Snapshot("orders"); len(now.Instances) != 6 {
			t.Errorf("too early: %+v", now)
		}
		bubble.Sleep(1)
		synctest.Wait()
		if now := r.Snapshot("orders"); !slices.Equal(ids(now.Instances), []string{"a", "b"}) || now.Stale || now.HeldBack != 0 {
			t.Errorf("after the wait: %+v", now)
		}
		if got := seen(); got != "a,b,c,d,e a,b,c,d,e,f a,b" {
			t.Errorf("it was told %q", got)
		}
	})
}

func TestAnInstanceThatReturnsIsNotMissing(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d")
		seen := follow(t, r)
		s.list()
		bubble.Sleep(9 * time.Second)
		s.list("a", "b", "c", "d")
		bubble.Sleep(time.Hour)
		if now := r.Snapshot("orders"); now.Stale || len(now.Instances) != 4 {
			t.Errorf("%+v", now)
		}
		if got := seen(); got != "a,b,c,d" {
			t.Errorf("it was told %q", got)
		}
	})
}

func TestWhatIsMissingAfterAnOutageIsHeldBack(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b")
		s.fail(errAway)
		bubble.Sleep(time.Minute)
		s.list() // after a restart it knows no instance
		if now := r.Snapshot("orders"); now.HeldBack != 2 || !now.Stale || now.Err != nil || len(now.Instances) != 2 {
			t.Errorf("right after: %+v", now)
		}
		bubble.Sleep(3 * time.Second)
		s.list("b")
		bubble.Sleep(7 * time.Second)
		synctest.Wait()
		if now := r.Snapshot("orders"); !slices.Equal(ids(now.Instances), []string{"b"}) || now.Stale {
			t.Errorf("later: %+v", now)
		}
	})
}

func TestAFailureDuringHoldBackRestartsTheWait(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d")
		s.list()
		bubble.Sleep(9 * time.Second)
		s.fail(errAway)
		bubble.Sleep(time.Hour)
		if now := r.Snapshot("orders"); len(now.Instances) != 4 || now.HeldBack != 4 {
			t.Errorf("while it fails: %+v", now)
		}
		s.list()
		bubble.Sleep(9 * time.Second)
		if now := r.Snapshot("orders"); len(now.Instances) != 4 {
			t.Errorf("nine seconds after: %+v", now)
		}
		bubble.Sleep(time.Second)
		synctest.Wait()
		if now := r.Snapshot("orders"); len(now.Instances) != 0 || !now.Known {
			t.Errorf("ten seconds after: %+v", now)
		}
	})
}

func TestHoldBackIsSet(t *testing.T) {
	resolve(t, registry.ResolverPolicy{Disabled: true}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d")
		s.fail(errAway)
		s.list()
		if now := r.Snapshot("orders"); len(now.Instances) != 0 || now.Stale {
			t.Errorf("nothing is to be held back: %+v", now)
		}
	})
	resolve(t, registry.ResolverPolicy{HoldBack: time.Minute}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d")
		s.list()
		bubble.Sleep(time.Minute - 1)
		if now := r.Snapshot("orders"); len(now.Instances) != 4 {
			t.Errorf("within the minute: %+v", now)
		}
		bubble.Sleep(1)
		synctest.Wait()
		if now := r.Snapshot("orders"); len(now.Instances) != 0 {
			t.Errorf("after the minute: %+v", now)
		}
	})
	var p registry.ResolverPolicy
	if err := (registry.ResolverPolicy{HoldBack: -1}).Validate(); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("less than nothing: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"hold_back":"30s"}`), &p); err != nil || p.HoldBack != 30*time.Second {
		t.Errorf("%+v, %v", p, err)
	}
	if text, err := json.Marshal(p); err != nil || string(text) != `{"disabled":false,"hold_back":"30s"}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestNoListIsEverEmptyBecauseOfAnError(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
			s.list("a", "b", "c")
			shown, empty := 3, time.Time{} // empty: since when the registry reports that without failing
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				switch rapid.IntRange(0, 3).Draw(rt, "what") {
				case 0:
					s.fail(errAway)
					empty = time.Time{}
				case 1:
					s.list("a", "b", "c")
					shown, empty = 3, time.Time{}
				case 2:
					s.list()
					if empty.IsZero() {
						empty = time.Now()
					}
				default:
					bubble.Sleep(time.Duration(rapid.IntRange(1, 15).Draw(rt, "seconds")) * time.Second)
					synctest.Wait()
				}
				if !empty.IsZero() && time.Since(empty) >= 10*time.Second {
					shown = 0
				}
				if now := r.Snapshot("orders"); len(now.Instances) != shown {
					rt.Fatalf("%d instances shall be handed out: %+v", shown, now)
				}
			}
		})
	})
}

func TestARegistryThatFailsRepeatedlyRemovesNothing(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		s.list("a", "b", "c", "d")
		seen := follow(t, r)
		for range 200 {
			s.fail(errAway)
			bubble.Sleep(time.Second)
			s.list()
			bubble.Sleep(9 * time.Second)
			s.list("a", "b", "c", "d")
			s.list("a")
			bubble.Sleep(9 * time.Second)
			s.list("a", "b", "c", "d")
		}
		if got := seen(); got != "a,b,c,d" {
			t.Errorf("it was told %q", got)
		}
		if n := s.begun.Load(); n != 1 {
			t.Errorf("%d watches were begun", n)
		}
	})
}

func TestAMassLossIsPublishedOnlyIfTheRegistryConfirmsIt(t *testing.T) {
	const hold = 10 * time.Second
	rapid.Check(t, func(rt *rapid.T) {
		resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
			var listed, shown []string
			var failed, said, whole time.Time // when the registry last failed, last answered, and when nothing was last missing
			failing := false
			for range rapid.IntRange(1, 40).Draw(rt, "steps") {
				switch what := rapid.IntRange(0, 5).Draw(rt, "what"); what {
				case 0:
					s.fail(errAway)
					failed, failing = time.Now(), true
				case 1, 2, 3:
					listed = split("a,b,c,d,e,f,g,h,i,j")
					if what > 1 {
						listed = slices.DeleteFunc(listed, func(id string) bool { return rapid.Bool().Draw(rt, id+" is gone") })
					}
					s.list(listed...)
					said, failing = time.Now(), false
				default:
					bubble.Sleep(time.Duration(rapid.IntRange(1, 15).Draw(rt, "seconds")) * time.Second)
					synctest.Wait()
				}
				before := len(shown)
				shown = ids(r.Snapshot("orders").Instances)
				if lost := before - len(shown); lost >= 3 && 2*lost > before && (time.Since(whole) < hold || time.Since(failed) < hold) {
					rt.Fatalf("%d of %d are gone, which the registry has said for %s, and it failed %s ago", lost, before, time.Since(whole), time.Since(failed))
				}
				for _, id := range listed {
					if !slices.Contains(shown, id) {
						rt.Fatalf("%s is listed, and only %v are handed out", id, shown)
					}
				}
				if !failing && time.Since(said) >= hold && !slices.Equal(shown, listed) {
					rt.Fatalf("%v are handed out although %v are listed for %s", shown, listed, time.Since(said))
				}
				if slices.Equal(shown, listed) {
					whole = time.Now()
				}
			}
		})
	})
}
