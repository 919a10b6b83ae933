// Package rng draws the random numbers of policies, so that they can be repeated with a
// seed.
package rng

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Source is a source of random numbers: SplitMix64, whose next number costs one atomic
// addition (Steele, Lea and Flood, 2014). It is safe for concurrent use. The zero Source
// always draws the same numbers.
type Source struct{ state atomic.Uint64 }

// Seed starts the sequence of a seed. Seed 0 starts a random one.
func (d *Source) Seed(seed uint64) {
	if seed == 0 {
		seed = rand.Uint64()
	}
	d.state.Store(SplitMix64(seed))
}

// Uint64 draws any number.
func (d *Source) Uint64() uint64 { return SplitMix64(d.state.Add(0x9E3779B97F4A7C15)) }

// IntN draws from 0 to n-1. n must be positive.
func (d *Source) IntN(n int) int {
	high, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(high)
}

// Float64 draws from 0 to below 1.
func (d *Source) Float64() float64 { return float64(d.Uint64()>>11) / (1 << 53) }

// Duration draws from 0 to below most. It is 0 if most is not positive.
func (d *Source) Duration(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(d.IntN(int(most)))
}

// SplitMix64 returns the output of SplitMix64 for the state z. Every bit of z affects the
// whole output.
func SplitMix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
