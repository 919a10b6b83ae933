// Package callctx has what sinew's own parts share of a call that is being made: the
// caller's own context, a reading of the clock, the instances tried, and the trail. A
// client makes all of it in one allocation.
package callctx
