package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// IdempotencyStore remembers, per key, that an operation has begun and what it
// answered. [MemoryStore] serves one instance, [SQLStore] many.
type IdempotencyStore interface {
	// Claim takes the key for the caller. claimed means that the caller runs
	// the operation and then calls Answer or Release; a claim whose holder dies
	// lapses after lease. Else answer is what an earlier run gave, or err is
	// [KeyInUse] while that run goes on, or [KeyReused] when it had another
	// fingerprint.
	Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (answer []byte, claimed bool, err error)
	// Answer keeps what the operation answered for ttl.
	Answer(ctx context.Context, key string, answer []byte, ttl time.Duration) error
	// Release gives the key back unanswered, so that a later try runs.
	Release(ctx context.Context, key string) error
}

// How long a claim holds without an answer, and how long an answer is kept.
const (
	claimLease = 5 * time.Minute
	answerTTL  = 24 * time.Hour
)

// KeyInUse is the error of a key whose first use is still running: 409 with
// reason key_in_use.
func KeyInUse() error {
	return fault.Aborted.Errorf("a request with this idempotency key is still running; repeat it later").
		WithReason("key_in_use").WithRetryAfter(time.Second)
}

// KeyReused is the error of a key that came with another request before: 422
// with reason key_reused.
func KeyReused() error {
	return fault.InvalidArgument.Errorf("this idempotency key was used for another request; choose a new key").
		WithReason("key_reused").WithStatus(422)
}

// Once runs an operation at most once per key and gives the same answer to
// every use of the key. scope keeps the keys of different callers and
// operations apart; fingerprint tells whether a repeat is the same request.
// run says whether its answer is to be kept; an error, or a panic, is not kept.
// replayed reports an answer from an earlier run.
func Once(ctx context.Context, store IdempotencyStore, scope, key string, fingerprint []byte, run func() (answer []byte, keep bool, err error)) (answer []byte, replayed bool, err error) {
	id := sha256.Sum256([]byte(scope + "\x00" + key))
	stored := hex.EncodeToString(id[:])
	answer, claimed, err := store.Claim(ctx, stored, fingerprint, claimLease)
	if err != nil || !claimed {
		return answer, err == nil, err
	}
	keep := false
	settled := context.WithoutCancel(ctx)
	defer func() {
		if !keep {
			_ = store.Release(settled, stored) // the lease ends the claim if this fails
		}
	}()
	answer, keep, err = run()
	keep = keep && err == nil
	if keep {
		if err := store.Answer(settled, stored, answer, answerTTL); err != nil {
			return answer, false, fault.Unavailable.Errorf("the operation ran, but the idempotency store did not keep its answer: %w", err)
		}
	}
	return answer, false, err
}
