package limit

import (
	"go/parser"
	"go/token"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A window of these tables ends at 10.1 s and lasts 100 ms, unless it says otherwise. The
// baseline is 10 ms and the target latency 50 ms, so a service of 1,000 calls a second has a
// limit of 51.
const ms = int64(time.Millisecond)

func served(n int64, took time.Duration, inFlight int) window {
	w := window{start: 10_000 * ms, now: 10_100 * ms, length: 100 * ms}
	w.inFlight, w.allInFlight = inFlight, inFlight
	w.succeeded, w.timed, w.served = n, n, n
	w.spent, w.baselines, w.targets = n*int64(took), n*10*ms, n*50*ms
	if took >= 400*time.Millisecond {
		w.late = n
	}
	return w
}

func expired(n int64, after time.Duration, inFlight int) window {
	w := served(0, 0, inFlight)
	w.expired, w.late, w.lostTime = n, n, n*int64(after)
	return w
}

func lasting(length time.Duration, w window) window {
	w.length, w.start = int64(length), w.now-int64(length)
	return w
}

func pilingUp(w window) window {
	w.pilesUp = true
	return w
}

func shedding(n int64, w window) window {
	w.shed = n
	return w
}

func refusing(n int64, w window) window {
	w.refused = n
	return w
}

// transition is one window and what it leads to.
type transition struct {
	name   string
	before controller
	window window
	phase  Phase
	limit  float64 // not compared in phase Unlimited
	reason Reason
	change baselineChangeKind
}

func check(t *testing.T, cases []transition) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.before.max == 0 {
				c.before.min, c.before.max = 5, 10_000
			}
			got := c.before.next(c.window)
			if got.phase != c.phase {
				t.Errorf("the phase is %s, want %s", got.phase, c.phase)
			}
			if got.reason != c.reason {
				t.Errorf("the reason is %q, want %q", got.reason, c.reason)
			}
			if c.phase != Unlimited && math.Abs(got.limit-c.limit) > 1e-9 {
				t.Errorf("the limit is %v, want %v", got.limit, c.limit)
			}
			if got.baselines.kind != c.change {
				t.Errorf("the change of baselines is %v, want %v", got.baselines.kind, c.change)
			}
		})
	}
}

func TestASettingIsConsistentAfterAnyWindows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newController()
		c.min, c.max = 5, 500
		now := int64(0)
		for range rapid.IntRange(1, 200).Draw(rt, "windows") {
			n := func(name string, most int64) int64 { return rapid.Int64Range(0, most).Draw(rt, name) }
			w := window{start: now, length: minPileUpWindow + n("length", maxWindow)}
			now += w.length
			w.now, w.inFlight = now, int(n("in flight", 1000))
			w.allInFlight = w.inFlight + int(n("needing no room", 20))
			w.timed, w.expired, w.shed = n("timed", 100), n("expired", 100), n("shed", 100)
			w.succeeded, w.served = w.timed+n("untimed", 1000), w.timed
			w.spent, w.baselines = w.timed*n("latency", int64(time.Second)), w.timed*10*ms
			w.targets, w.lostTime = w.timed*50*ms, w.expired*n("wait", int64(time.Second))
			w.late, w.refused = n("late", w.timed+w.expired), n("refused", 10)
			w.pilesUp = n("piles up", 1) == 1
			s := c.next(w)
			if (s.phase == Unlimited) != (s.reason == "") {
				rt.Fatalf("in phase %s the reason is %q", s.phase, s.reason)
			}
			if s.phase != Unlimited && !(s.limit >= c.min && s.limit <= c.max) {
				rt.Fatalf("the limit is %v, want one between %v and %v", s.limit, c.min, c.max)
			}
			if s.phase != Unlimited && s.sampleMask != 0 {
				rt.Fatalf("in phase %s only a sample of the calls is timed", s.phase)
			}
			if s.longRunning < minLongRunning {
				rt.Fatalf("a call of %s needs no room", time.Duration(s.longRunning))
			}
		}
	})
}

func TestTheStateMachineImportsNeitherLocksNorChanceNorContexts(t *testing.T) {
	for _, name := range []string{
		"controller", "window", "setting", "overloadsigns", "backlog", "trial", "trialpause", "measurement", "steering",
		"counts", "expectation", "estimate", "servedrate", "fraction", "phase", "tuning", "tuninglatency",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), name+".go", nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if i.Path.Value != `"math"` && i.Path.Value != `"time"` {
				t.Errorf("%s.go imports %s, want it to depend on its windows alone", name, i.Path.Value)
			}
		}
	}
}
