package idempotency

import (
	"context"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/once"
)

// Store stores, per key, that an operation has started and what it answered. [Memory]
// serves one instance, [SQL] many. A Store is safe for concurrent use.
type Store interface {
	// Claim claims the key. If it returns a claim that is not empty, its caller runs the
	// operation, and then calls Answer or Release with that claim. A claim expires after
	// lease unless it is renewed. If the returned claim is empty and err is nil, answer is
	// the answer of an earlier run. err is [KeyInUse] while another run goes on, and
	// [KeyReused] if the other run had another fingerprint; a nil fingerprint equals an
	// empty one. Keys made by [Once] have 64 characters, of which the first 32 are the same
	// for all keys of a scope.
	Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (claim string, answer []byte, err error)
	// Renew extends a claim: it expires lease after this call.
	Renew(ctx context.Context, key, claim string, lease time.Duration) error
	// Answer ends a claim and stores for ttl what the operation answered.
	Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error
	// Release ends a claim without an answer, so that a later use of the key runs. Renew,
	// Answer and Release do nothing for a claim that has expired and been replaced by
	// another one.
	Release(ctx context.Context, key, claim string) error
}

// KeyInUse returns the error of a key whose first use still runs: 409 with reason
// key_in_use.
func KeyInUse() error {
	return fault.Aborted.Errorf("a request with this idempotency key is still running; repeat it later").
		WithReason(fault.ReasonKeyInUse).WithRetryAfter(time.Second)
}

// KeyReused returns the error of a key that was used for another request before: 422 with
// reason key_reused.
func KeyReused() error {
	return fault.InvalidArgument.Errorf("this idempotency key was used for another request; choose a new key").
		WithReason(fault.ReasonKeyReused).WithStatus(422)
}

// Once calls run at most once per key, and returns the same answer to every use of the key
// for a day. scope separates the keys of different callers and operations. fingerprint,
// which may be nil, identifies the request: a use of the key with another fingerprint gets
// [KeyReused]. run reports by save whether its answer is to be stored. Without save, or
// after an error or a panic, nothing is stored, and the next use of the key calls its run.
// The key is claimed while run goes on, however long that is: other uses get [KeyInUse]. If
// the process dies, the claim expires after at most a minute. replayed reports that the
// answer is that of an earlier use.
//
// An answer above 4 MiB, or one that the store refuses, is returned to this use only:
// later uses fail with reason answer_not_kept, and run nothing. If the store cannot be
// reached at all after run, that is logged to slog.Default(), and a use more than a minute
// later runs again. In a transaction ([SQL.In]) an answer that cannot be stored is an
// error: roll the transaction back.
func Once(ctx context.Context, store Store, scope, key string, fingerprint []byte, run func() (answer []byte, save bool, err error)) (answer []byte, replayed bool, err error) {
	u := once.Operation{Scope: scope, Key: key, Fingerprint: fingerprint, OnUnsaved: logUnsaved(ctx)}
	return u.Run(ctx, store, func(context.Context) (once.Result, error) {
		answer, save, err := run()
		result := once.Result{Answer: answer}
		if save && err == nil {
			result.TTL = once.AnswerTTL
		}
		return result, err
	})
}

// SaveAnswer stores response as the answer of the idempotency key for which the handler of
// ctx runs. Give it the store that [SQL.In] returns for the handler's transaction: then the
// answer is stored exactly if the handler's changes are, whenever the process dies.
//
//	err := idempotency.SaveAnswer(ctx, keys.In(tx), order) // before the commit
//
// After an error the transaction must be rolled back: the answer cannot be stored, or
// another run has claimed the key. The handler of a Keyed route and an endpoint inside
// [Middleware] run for a key if the request has one. SaveAnswer does nothing in a handler
// that runs for no key.
func SaveAnswer(ctx context.Context, store Store, response any) error {
	return once.SaveAnswer(ctx, store, response)
}

func logUnsaved(ctx context.Context) func(error) {
	return func(err error) { slog.WarnContext(ctx, "an answer was not stored", "error", err) }
}
