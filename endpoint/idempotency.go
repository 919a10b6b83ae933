package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/renewal"
)

// IdempotencyStore remembers, per key, that an operation has begun and what it
// answered. [MemoryStore] serves one instance, [SQLStore] many. It is safe for
// concurrent use.
type IdempotencyStore interface {
	// Claim takes the key for the caller, who runs the operation and then calls
	// Answer or Release with the claim that it gets, which is not empty. A claim
	// lapses after lease unless it is renewed. With an empty claim answer is what
	// an earlier run gave, or err is [KeyInUse] while that run goes on, or
	// [KeyReused] when it had another fingerprint.
	Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (claim string, answer []byte, err error)
	// Renew has a claim lapse a lease from now.
	Renew(ctx context.Context, key, claim string, lease time.Duration) error
	// Answer keeps what the operation answered for ttl.
	Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error
	// Release gives the key back unanswered, so that a later try runs. Like
	// Renew and Answer it does nothing for a claim that has lapsed and been
	// followed by another.
	Release(ctx context.Context, key, claim string) error
}

// How long a claim holds without a renewal, and how long an answer is kept.
const (
	claimLease = time.Minute
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
// While run goes on the key is held, however long that takes; when the process
// dies, for a minute. replayed reports an answer from an earlier run.
func Once(ctx context.Context, store IdempotencyStore, scope, key string, fingerprint []byte, run func() (answer []byte, keep bool, err error)) (answer []byte, replayed bool, err error) {
	id := sha256.Sum256([]byte(scope + "\x00" + key))
	stored := hex.EncodeToString(id[:])
	claim, answer, err := store.Claim(ctx, stored, fingerprint, claimLease)
	if err != nil || claim == "" {
		return answer, err == nil, err
	}
	keep := false
	settled := context.WithoutCancel(ctx)
	stop := renewal.Every(settled, claimLease/3, func(ctx context.Context) {
		_ = store.Renew(ctx, stored, claim, claimLease) // the next one may work
	})
	defer func() {
		stop()
		if !keep {
			_ = store.Release(settled, stored, claim) // the lease ends the claim if this fails
		}
	}()
	answer, keep, err = run()
	keep = keep && err == nil
	if keep {
		if err := store.Answer(settled, stored, claim, answer, answerTTL); err != nil {
			return answer, false, fault.Unavailable.Errorf("the operation ran, but the idempotency store did not keep its answer: %w", err)
		}
	}
	return answer, false, err
}
