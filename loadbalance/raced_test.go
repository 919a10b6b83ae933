//go:build race

package loadbalance_test

// raced says that the race detector slows everything down.
const raced = true
