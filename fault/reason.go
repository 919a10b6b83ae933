package fault

// The reasons with which sinew itself refuses, as [Error.Reason] and in a problem document.
const (
	// ReasonOverloaded: a limit had no capacity for the call (503).
	ReasonOverloaded = "overloaded"
	// ReasonBreakerOpen: the circuit breaker in front of the callee is open (503).
	ReasonBreakerOpen = "breaker_open"
	// ReasonRateLimited: the caller's own rate is used up (429).
	ReasonRateLimited = "rate_limited"
	// ReasonNoInstance: the service has no healthy instance (503).
	ReasonNoInstance = "no_instance"
	// ReasonRegistryUnreachable: no registry has answered yet where the service is (503).
	ReasonRegistryUnreachable = "registry_unreachable"
	// ReasonUnknownPath: the callee serves nothing at this path (404).
	ReasonUnknownPath = "unknown_path"
	// ReasonKeyInUse: the first use of the idempotency key is still running (409).
	ReasonKeyInUse = "key_in_use"
	// ReasonKeyReused: the idempotency key was used for another request before (422).
	ReasonKeyReused = "key_reused"
	// ReasonKeyOfOtherCredentials: the idempotency key was used with other credentials
	// before (422).
	ReasonKeyOfOtherCredentials = "key_of_other_credentials"
	// ReasonAnswerNotKept: the first use of the idempotency key has run, and its answer
	// could not be stored (409).
	ReasonAnswerNotKept = "answer_not_kept"
	// ReasonClaimLost: another run has claimed the idempotency key (409).
	ReasonClaimLost = "claim_lost"
)
