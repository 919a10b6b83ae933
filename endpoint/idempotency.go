package endpoint

import (
	"context"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/once"
)

// IdempotencyStore remembers, per key, that an operation has started and what it
// answered. [MemoryStore] serves one instance, [SQLStore] many. It is safe for
// concurrent use.
type IdempotencyStore interface {
	// Claim takes the key for the caller, who runs the operation and then calls
	// Answer or Release with the claim that it gets, which is not empty. A claim
	// lapses after lease unless it is renewed. With an empty claim answer is what
	// an earlier run gave, or err is [KeyInUse] while that run goes on, or
	// [KeyReused] when it had another fingerprint; a nil fingerprint is the same
	// as an empty one. Keys made by [Once] have 64 characters, of which the first
	// 32 are the same for all keys of a scope.
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
// every use of the key for a day. scope keeps the keys of different callers and
// operations apart; fingerprint, which may be nil, tells whether a repeat is the
// same request. run says whether its answer is to be kept; an error, or a panic,
// is not kept. While run goes on the key is held, however long that takes; when
// the process dies, for a minute. replayed reports an answer from an earlier run.
//
// An answer above 4 MiB, or one that the store refuses, goes to this use alone:
// later ones fail with reason answer_not_kept, and run nothing. When the store
// cannot be reached at all after run, that is logged to slog.Default(), and a use
// more than a minute later runs again. In a transaction ([SQLStore.In]) an answer
// that is not kept is an error: undo the transaction.
func Once(ctx context.Context, store IdempotencyStore, scope, key string, fingerprint []byte, run func() (answer []byte, keep bool, err error)) (answer []byte, replayed bool, err error) {
	u := once.Operation{Scope: scope, Key: key, Fingerprint: fingerprint, OnUnsaved: unkept(ctx)}
	return u.Run(ctx, store, func(context.Context) (once.Result, error) {
		answer, keep, err := run()
		result := once.Result{Answer: answer}
		if keep && err == nil {
			result.TTL = once.AnswerTTL
		}
		return result, err
	})
}

// TTL writes response into store as the answer of the idempotency key that the
// handler of ctx runs for. Give it [SQLStore.In] of the handler's transaction,
// then the answer is kept exactly when the handler's changes are, whenever the
// process dies:
//
//	err := endpoint.Keep(ctx, keys.In(tx), order) // before the commit
//
// An error means that the transaction must be undone: the answer cannot be kept,
// or another run has taken the key. Where the handler runs for no key, Keep does
// nothing. The handlers of Keyed routes and those inside [Keyed] run for one when
// the request has it.
func Keep(ctx context.Context, store IdempotencyStore, response any) error {
	return once.SaveAnswer(ctx, store, response)
}

func unkept(ctx context.Context) func(error) {
	return func(err error) { slog.WarnContext(ctx, "an answer was not kept", "error", err) }
}
