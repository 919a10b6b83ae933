package outbox

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRangesHoldTheirNumbersAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Int64Range(1, 1000), 1, maxBatch, rapid.ID[int64]).Draw(t, "numbers")
		_, args := ranges(slices.Clone(numbers))
		within := map[int64]bool{}
		for i := 0; i < len(args); i += 2 {
			for n := args[i].(int64); n <= args[i+1].(int64); n++ {
				within[n] = true
			}
		}
		if len(within) != len(numbers) {
			t.Errorf("%d numbers are %d in ranges", len(numbers), len(within))
		}
		for _, n := range numbers {
			if !within[n] {
				t.Errorf("%d is in no range", n)
			}
		}
	})
}
