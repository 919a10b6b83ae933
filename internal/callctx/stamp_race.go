//go:build race

package callctx

import (
	"fmt"
	"time"
)

// bubbleYear is the year in which the clock of a synctest bubble starts.
const bubbleYear = 2000

// checkFresh panics if the reading of the clock for c is not the time of the bubble.
// Outside of a bubble it proves nothing, since time passes at any point.
func checkFresh(c *Call) {
	at := c.Start.Add(c.stamp.sinceStart())
	if now := time.Now(); now.UTC().Year() == bubbleYear && !now.Equal(at) {
		panic(fmt.Sprintf("callctx: the call has waited for %s and its reading of the clock was not cleared", now.Sub(at)))
	}
}
