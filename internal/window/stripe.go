package window

import (
	"runtime"
	"unsafe"
)

// maxStripes bounds the stripes of a counter: each costs memory, and time for a sum.
const maxStripes = 8

// stripeCount is the number of processors, rounded up to a power of two.
func stripeCount() int {
	n := 1
	for n < min(runtime.GOMAXPROCS(0), maxStripes) {
		n *= 2
	}
	return n
}

// stripeIndex returns the stripe, of n, in which this goroutine counts; n is a power of
// two. The address of the stack identifies a goroutine, which costs a nanosecond and no
// lock. A goroutine whose stack moves counts in another stripe afterwards.
func stripeIndex(n int) int {
	var here byte
	const golden = 0x9E3779B97F4A7C15 // spreads neighbouring addresses
	return int(uint64(uintptr(unsafe.Pointer(&here))>>11) * golden >> 32 & uint64(n-1))
}
