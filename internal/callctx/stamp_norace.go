//go:build !race

package callctx

import "time"

func checkFresh(time.Time) {}
