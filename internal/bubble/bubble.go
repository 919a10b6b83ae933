// Package bubble has what tests need in a testing/synctest bubble.
package bubble

import (
	"bytes"
	"runtime"
	"time"
)

// maxStacks bounds the stack dump that is searched, in bytes.
const maxStacks = 1 << 20

// Goroutines returns the number of goroutines in bubbles. runtime.NumGoroutine also
// counts others, such as a finalizer that happens to run.
func Goroutines() int {
	stacks := make([]byte, maxStacks)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(", synctest bubble "))
}

// Sleep is time.Sleep in a bubble, where it takes no time. A test of internal/repository
// holds that tests sleep nowhere else.
func Sleep(d time.Duration) { time.Sleep(d) }
