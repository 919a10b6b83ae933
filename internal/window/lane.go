package window

import (
	"runtime"
	"unsafe"
)

// maxLanes is into how many lanes a counter is divided at most: each costs memory
// and time for a sum.
const maxLanes = 8

// lanes is as many lanes as there are processors, rounded up to a power of two.
func lanes() int {
	n := 1
	for n < min(runtime.GOMAXPROCS(0), maxLanes) {
		n *= 2
	}
	return n
}

// lane is the lane of n, a power of two, that this goroutine counts in. Goroutines
// are told apart by where their stacks are, which costs a nanosecond and takes no
// lock; one whose stack moves counts in another lane from then on.
func lane(n int) int {
	var here byte
	const golden = 0x9E3779B97F4A7C15 // spreads neighbours
	return int(uint64(uintptr(unsafe.Pointer(&here))>>11) * golden >> 32 & uint64(n-1))
}
