package saga

import (
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// savePauses are those of a save that fails.
var savePauses = backoff.Policy{Min: 20 * time.Millisecond, Max: 2 * time.Second}

func (d *drive) warn(message string, err error) {
	d.policy.Logger.WarnContext(d.alive, message, "saga", d.claim.Saga, "run", d.claim.ID, "error", err)
}
