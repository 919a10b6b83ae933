package rng_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/rng"
)

func TestASeedRepeatsItsNumbersAndZeroDoesNot(t *testing.T) {
	draw := func(seed uint64) (all [8]uint64) {
		var d rng.Source
		d.Seed(seed)
		for i := range all {
			all[i] = d.Uint64()
		}
		return all
	}
	if draw(7) != draw(7) || draw(7) == draw(8) {
		t.Error("the numbers do not go by the seed")
	}
	if draw(0) == draw(0) {
		t.Error("seed 0 repeats itself")
	}
}

func TestNumbersStayInTheirBoundsAndReachAllOfThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d rng.Source
		d.Seed(rapid.Uint64Min(1).Draw(t, "seed"))
		n := rapid.IntRange(1, 12).Draw(t, "n")
		seen := map[int]int{}
		for range 2000 {
			i, f, w := d.IntN(n), d.Float64(), d.Duration(time.Duration(n))
			if i < 0 || i >= n || f < 0 || f >= 1 || w < 0 || w >= time.Duration(n) {
				t.Fatalf("%d of %d, %g, %s", i, n, f, w)
			}
			seen[i]++
		}
		for i := range n {
			if got := seen[i]; got < 2000/n/2 || got > 2000/n*2 {
				t.Errorf("%d came %d times in 2000 draws of %d", i, got, n)
			}
		}
	})
	var d rng.Source
	if d.Duration(0) != 0 || d.Duration(-1) != 0 {
		t.Error("a wait of nothing")
	}
}
