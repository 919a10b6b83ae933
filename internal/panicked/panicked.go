// Package panicked has the failure that stands for a call which panicked. A middleware
// uses it as the result until the call has returned.
package panicked

import "github.com/sinew-go/sinew/fault"

// Err has the code fault.Internal. It is read-only.
var Err = fault.Internal.Errorf("the call panicked")
