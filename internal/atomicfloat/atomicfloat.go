// Package atomicfloat has the float that sync/atomic lacks.
package atomicfloat

import (
	"math"
	"sync/atomic"
)

// Float64 is a float64 that calls read while another goroutine writes it. The zero Float64
// is 0. It must not be copied.
type Float64 struct{ bits atomic.Uint64 }

// Load returns the value.
func (f *Float64) Load() float64 { return math.Float64frombits(f.bits.Load()) }

// Store replaces the value.
func (f *Float64) Store(v float64) { f.bits.Store(math.Float64bits(v)) }
