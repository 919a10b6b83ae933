// Package interop has the tests that need more than sinew's own dependencies: go-kit's
// middlewares and transports around sinew's endpoints and the other way round, and the
// idempotency store on real databases. It has no code of its own. It is a separate
// module, so that users of sinew do not get its dependencies.
package interop
