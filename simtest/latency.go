package simtest

import (
	"math/rand/v2"
	"time"
)

// Latency draws how long something takes. It uses only the random source r, so that a
// seed repeats it.
type Latency func(r *rand.Rand) time.Duration

// Fixed always returns d.
func Fixed(d time.Duration) Latency { return func(*rand.Rand) time.Duration { return d } }

// Exponential returns least plus an exponentially distributed time with this mean: most
// calls are fast, a few much slower.
func Exponential(least, mean time.Duration) Latency {
	return func(r *rand.Rand) time.Duration { return least + time.Duration(r.ExpFloat64()*float64(mean)) }
}

// Uniform returns a time between least and most.
func Uniform(least, most time.Duration) Latency {
	return func(r *rand.Rand) time.Duration { return least + time.Duration(r.Float64()*float64(most-least)) }
}

// Sometimes returns other in this share of cases, from 0 to 1.
func (l Latency) Sometimes(share float64, other Latency) Latency {
	return func(r *rand.Rand) time.Duration {
		if r.Float64() < share {
			return other(r)
		}
		return l(r)
	}
}

// Times multiplies the time by factor.
func (l Latency) Times(factor float64) Latency {
	return func(r *rand.Rand) time.Duration { return time.Duration(factor * float64(l(r))) }
}
