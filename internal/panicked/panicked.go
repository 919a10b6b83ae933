// Package panicked has the failure that a call counts as which has panicked: a
// middleware takes it for the result until the call has returned.
package panicked

import "github.com/sinew-go/sinew/fault"

// Err is fault.Internal. It is read-only.
var Err = fault.Internal.Errorf("the call panicked")
