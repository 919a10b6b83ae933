// Package wire is what the transports share: the metadata that travels with a call, who
// sent it, its idempotency key, and how a handler runs.
package wire

// Headers that carry metadata, besides those of the trace. gRPC calls them metadata.
const (
	HeaderTimeout   = "X-Request-Timeout"
	HeaderUntrusted = "X-Request-Timeout-Untrusted"
	HeaderRequestID = "X-Request-Id"
	HeaderService   = "X-Service-Name"
	HeaderAttempt   = "X-Request-Attempt"
	HeaderPriority  = "X-Request-Priority"
	HeaderKey       = "Idempotency-Key"
	HeaderReplayed  = "Idempotency-Replayed"
	HeaderState     = "Tracestate"
)

// IsHeaderValue reports whether text may be the value of a header. net/http refuses
// control characters with an error that would look like an unreachable service.
func IsHeaderValue(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return false
		}
	}
	return true
}
