//go:build race

package loadbalance_test

// raced says that the race detector is on, which slows the tests down.
const raced = true
