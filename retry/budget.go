package retry

import (
	"time"

	"github.com/sinew-go/sinew/internal/window"
)

// budgetWindow is how far back calls and repeats count.
const budgetWindow = 10 * time.Second

// What a budget counts.
const (
	calls = iota
	repeats
	refused
)

type budget struct {
	born time.Time
	seen *window.Window
}

func newBudget() budget { return budget{born: time.Now(), seen: window.New(budgetWindow)} }

// call counts a call.
func (b *budget) call(now time.Time) { b.seen.Add(b.since(now), calls) }

// repeat reports whether one more repeat is within the budget, and counts it.
func (b *budget) repeat(now time.Time, p Budget) bool {
	at := b.since(now)
	b.seen.Add(at, repeats) // first, so that of two who ask at once each sees the other
	in := b.seen.Sum(at)
	limit := float64(in[calls])*float64(p.Percent)/100 + p.PerSecond*budgetWindow.Seconds()
	if p.Disabled || float64(in[repeats]) <= limit {
		return true
	}
	b.seen.Take(at, repeats)
	b.seen.Add(at, refused)
	return false
}

func (b *budget) sums() (made, repeated, denied int) {
	in := b.seen.Sum(b.since(time.Now()))
	return in[calls], in[repeats], in[refused]
}

// since never goes below zero, whatever start a caller's record tells of.
func (b *budget) since(now time.Time) int64 { return max(int64(now.Sub(b.born)), 0) }
