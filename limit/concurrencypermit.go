package limit

import "context"

// ConcurrencyPermit is permission to make one call, from [ConcurrencyLimiter.Acquire]. Call
// Done exactly once, when the call ends, on this value or on a copy; a second Done, on
// either, is a mistake and may count the call twice.
type ConcurrencyPermit struct {
	limiter *ConcurrencyLimiter
	caller  context.Context //nolint:containedctx // Done checks whether it has ended
}

// Done returns the permit and admits the next waiting call. Done of the zero
// ConcurrencyPermit does nothing.
func (p ConcurrencyPermit) Done() {
	if p.limiter != nil {
		p.limiter.finish(p.caller.Err() != nil)
	}
}
