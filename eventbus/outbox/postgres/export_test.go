package postgres

import (
	"testing"
	"time"
)

// CheckConnectionEvery sets how often Listen checks its connection in a test.
func CheckConnectionEvery(t *testing.T, d time.Duration) {
	before := checkConnection
	checkConnection = d
	t.Cleanup(func() { checkConnection = before })
}
