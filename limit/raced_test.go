//go:build race

package limit_test

// raced says that the race detector slows everything down.
const raced = true
