package backoff

import (
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Check returns the faults of a policy's settings backoff and max_backoff, of which zero
// means the default.
func Check(shortest, longest time.Duration) (faults []error) {
	if shortest < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("backoff: %s is negative", shortest))
	}
	if longest < 0 || longest > 0 && longest < shortest {
		faults = append(faults, fault.InvalidArgument.Errorf("max_backoff: %s is less than backoff, %s", longest, shortest))
	}
	return faults
}

// SetDefaults fills in settings that are zero. A default yields to the other setting, so
// that the shortest wait is never above the longest.
func SetDefaults(shortest, longest *time.Duration, defaultShortest, defaultLongest time.Duration) {
	if *longest == 0 {
		*longest = max(defaultLongest, *shortest)
	}
	if *shortest == 0 {
		*shortest = min(defaultShortest, *longest)
	}
}
