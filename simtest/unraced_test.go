//go:build !race

package simtest_test

// raced reports whether the race detector is on, which slows everything down.
const raced = false

// workers of an instance in the storms.
const workers = 4
