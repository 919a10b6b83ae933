package window_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/window"
)

func TestSumHoldsAtLeastNineTenthsOfTheWindowAndNothingOlder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(10, 1_000_000).Draw(t, "length") * window.Parts)
		steps := rapid.SliceOfN(rapid.Int64Range(0, int64(length)/3), 1, 100).Draw(t, "steps")
		w := window.New(length)
		now := int64(0)
		var at []int64
		for _, step := range steps {
			now += step
			w.Add(now, 0)
			at = append(at, now)
		}
		least, most := 0, 0
		for _, a := range at {
			if a > now-int64(length)*9/10 {
				least++
			}
			if a > now-int64(length) {
				most++
			}
		}
		if got := w.Sum(now)[0]; got < least || got > most {
			t.Fatalf("%d counted, between %d and %d expected", got, least, most)
		}
	})
}

func TestResizedKeepsTheCounts(t *testing.T) {
	w := window.New(time.Second)
	for range 7 {
		w.Add(5, 1)
	}
	w = w.Resized(time.Minute, 6)
	if got := w.Sum(6); got != (window.Counts{0, 7, 0}) {
		t.Errorf("kept %v", got)
	}
	if got := w.Sum(int64(2 * time.Minute)); got != (window.Counts{}) {
		t.Errorf("still holds %v", got)
	}
}

func TestNothingIsLostWhenManyCountAtOnce(t *testing.T) {
	w := window.New(time.Second)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for now := range int64(10_000) { // all within the first part
				w.Add(now, 2)
				w.Sum(now)
			}
		})
	}
	all.Wait()
	if got := w.Sum(10_000)[2]; got != 80_000 {
		t.Errorf("%d of 80000 counted", got)
	}
}

func TestTheFirstCounterIsNeverBehindTheSecond(t *testing.T) {
	const adders = 4
	for _, c := range []struct {
		name  string
		width time.Duration
	}{
		{name: "one part", width: time.Hour},
		{name: "parts that turn", width: window.Parts * 50},
	} {
		w := window.New(c.width)
		var now atomic.Int64
		var group sync.WaitGroup
		for range adders {
			group.Go(func() {
				for range 50_000 {
					at := now.Add(1)
					w.Add(at, 0)
					w.Add(at, 1)
				}
			})
		}
		slack := 0
		if c.width < time.Hour {
			slack = adders // whose part may be reset between their two counts
		}
		for now.Load() < adders*50_000 {
			if in := w.Sum(now.Load()); in[1] > in[0]+slack {
				t.Errorf("%s: %d of %d", c.name, in[1], in[0])
				break
			}
		}
		group.Wait()
	}
}

func TestResizedIsExactToATenthOfTheOldLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(1, 1000).Draw(t, "length") * window.Parts)
		other := time.Duration(rapid.Int64Range(1, 1000).Draw(t, "other") * window.Parts)
		w := window.New(length)
		now := int64(0)
		var at []int64
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, int64(length)/3), 1, 50).Draw(t, "steps") {
			now += step
			w.Add(now, 0)
			w.Add(now, 1)
			at = append(at, now)
		}
		set := now + rapid.Int64Range(0, int64(length)).Draw(t, "until it is resized")
		r := w.Resized(other, set)
		now = set + rapid.Int64Range(0, int64(other)).Draw(t, "until it is read")
		least, most := 0, 0
		for _, a := range at {
			if a > set-int64(length)*9/10 && a-int64(length)/window.Parts > now-int64(other)*9/10 {
				least++
			}
			if a > set-int64(length) && a+int64(length)/window.Parts > now-int64(other) {
				most++
			}
		}
		if got := r.Sum(now); got[0] < least || got[0] > most || got[1] != got[0] {
			t.Fatalf("%v counted, between %d and %d expected", got, least, most)
		}
	})
}
