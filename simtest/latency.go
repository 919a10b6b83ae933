package simtest

import (
	"math/rand/v2"
	"time"
)

// Latency draws how long something takes. It uses only the random source r, so that a
// seed repeats it.
type Latency func(r *rand.Rand) time.Duration

// Fixed is a Latency that is always d.
func Fixed(d time.Duration) Latency { return func(*rand.Rand) time.Duration { return d } }

// Exponential is a Latency of least plus an exponentially distributed time with this
// mean, so that its own mean is least + mean: most calls are fast, a few much slower.
func Exponential(least, mean time.Duration) Latency {
	return func(r *rand.Rand) time.Duration { return least + time.Duration(r.ExpFloat64()*float64(mean)) }
}

// Uniform is a Latency between least and most, with all values equally likely.
func Uniform(least, most time.Duration) Latency {
	return func(r *rand.Rand) time.Duration { return least + time.Duration(r.Float64()*float64(most-least)) }
}

// Sometimes is a Latency that is other in this share of the cases, from 0 to 1, and l in
// all others.
func (l Latency) Sometimes(share float64, other Latency) Latency {
	return func(r *rand.Rand) time.Duration {
		if r.Float64() < share {
			return other(r)
		}
		return l(r)
	}
}

// Times is a Latency that is factor times l.
func (l Latency) Times(factor float64) Latency {
	return func(r *rand.Rand) time.Duration { return time.Duration(factor * float64(l(r))) }
}
