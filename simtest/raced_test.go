//go:build race

package simtest_test

// raced reports whether the race detector is on, which slows everything down.
const raced = true

// workers of an instance in the storms: a quarter of those in docs/resilience.md, and so a
// quarter of the calls.
const workers = 1
