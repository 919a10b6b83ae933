// Package bubble inspects a testing/synctest bubble from inside.
package bubble

import (
	"bytes"
	"runtime"
)

// maxStacks bounds the stack dump that is searched, in bytes.
const maxStacks = 1 << 20

// Goroutines returns the number of goroutines in bubbles. runtime.NumGoroutine also
// counts others, such as a finalizer that happens to run.
func Goroutines() int {
	stacks := make([]byte, maxStacks)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(", synctest bubble "))
}
