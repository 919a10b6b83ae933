// Package interop holds the tests that need more than sinew brings: go-kit's own
// middlewares and transports around sinew's endpoints and the other way round,
// and the idempotency store on a real database. It has no code of its own, and a
// module of its own, so that nobody who uses sinew pays for what it requires.
package interop
