package limit

import (
	"math"
	"sync/atomic"
)

// atomicFloat is a float64 that calls read while an evaluation writes it.
type atomicFloat struct{ bits atomic.Uint64 }

func (f *atomicFloat) load() float64   { return math.Float64frombits(f.bits.Load()) }
func (f *atomicFloat) store(v float64) { f.bits.Store(math.Float64bits(v)) }
