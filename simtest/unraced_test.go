//go:build !race

package simtest_test

// raced says that the race detector slows everything down.
const raced = false
