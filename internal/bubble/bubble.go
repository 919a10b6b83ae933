// Package bubble looks into a testing/synctest bubble from inside.
package bubble

import (
	"bytes"
	"runtime"
)

// maxStacks bounds the stacks that are looked at, in bytes.
const maxStacks = 1 << 20

// Goroutines is how many there are in bubbles. runtime.NumGoroutine has others
// in it, too, such as a finalizer that happens to run.
func Goroutines() int {
	stacks := make([]byte, maxStacks)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(", synctest bubble "))
}
