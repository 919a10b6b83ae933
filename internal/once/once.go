// Package once runs an operation once per idempotency key. idempotency.Once, idempotency.Middleware
// and the Keyed routes of transport/rest share it.
package once

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

// Store is idempotency.Store, which documents it.
type Store interface {
	Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (claim string, answer []byte, err error)
	Renew(ctx context.Context, key, claim string, lease time.Duration) error
	Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error
	Release(ctx context.Context, key, claim string) error
}

const (
	// Lease is how long a claim is valid without a renewal.
	Lease = time.Minute
	// AnswerTTL is how long the answer of a successful run is stored.
	AnswerTTL = 24 * time.Hour
	// RefusalTTL is how long a refusal is stored. A refusal changed nothing: storing it
	// only spares the operation the repeats of one call.
	RefusalTTL = time.Minute
	// MaxAnswer is the size in bytes of the largest answer that is stored.
	MaxAnswer = 4 << 20
)

// Operation is one use of an idempotency key.
type Operation struct {
	// Scope separates the keys of different callers and operations.
	Scope, Key string
	// Fingerprint identifies the request. A use of the key with another fingerprint is
	// refused; nil equals nil only.
	Fingerprint []byte
	// Encode makes an answer of the response given to [SaveAnswer]. If nil, SaveAnswer
	// does nothing.
	Encode func(response any) ([]byte, error)
	// OnUnsaved receives the reason why the store did not save the answer of a run.
	OnUnsaved func(err error)
}

// Result is the outcome of a run.
type Result struct {
	// Answer is what every later use of the key gets.
	Answer []byte
	// TTL is how long Answer is stored. Zero releases the key, so that a later use runs.
	// With an error and a TTL above zero, the operation ran and has no answer that could
	// be stored: later uses are refused.
	TTL time.Duration
}

// Run runs the operation, unless it ran with this key before. Then it returns the answer
// of that run, and replayed is true.
func (u Operation) Run(ctx context.Context, store Store, run func(ctx context.Context) (Result, error)) (answer []byte, replayed bool, err error) {
	r := &activeRun{key: storedKey(u.Scope, u.Key), owner: ownerOf(ctx), encode: u.Encode}
	var kept []byte
	r.claim, kept, err = store.Claim(ctx, r.key, u.Fingerprint, Lease)
	if err != nil {
		return nil, false, claimFailure(ctx, err)
	}
	if r.claim == "" {
		answer, err = r.unseal(kept)
		return answer, err == nil, err
	}
	detached := context.WithoutCancel(ctx)
	stop := heartbeat.Every(detached, Lease/3, func(ctx context.Context) {
		_ = store.Renew(ctx, r.key, r.claim, Lease) // the next renewal may work
	})
	var result Result
	panicked := true
	defer func() {
		if panicked && r.ran && !r.kept.Load() {
			result.TTL = AnswerTTL
			if failed := r.settle(detached, store, result, true); failed != nil && u.OnUnsaved != nil {
				u.OnUnsaved(failed)
			}
		}
		stop()
		if result.TTL == 0 {
			ending, cancel := context.WithTimeout(detached, storeTimeout)
			defer cancel()
			_ = store.Release(ending, r.key, r.claim) // if this fails, the claim lapses with its lease
		}
	}()
	result, err = run(context.WithValue(ctx, activeRunKey{}, r))
	panicked = false
	if r.kept.Load() && (err != nil || result.TTL < AnswerTTL) {
		result.TTL = 0 // what was saved is valid, or was undone with its transaction; the later result is for this use alone
	}
	if result.TTL > 0 {
		failed := r.settle(detached, store, result, err != nil)
		if _, undo := errors.AsType[*RollbackError](failed); undo {
			return nil, false, failed
		}
		if failed != nil && u.OnUnsaved != nil {
			u.OnUnsaved(failed)
		}
	}
	return result.Answer, false, err
}

// claimFailure explains why the key could not be claimed. An error that is no refusal by
// the store is a failure of the store, and nothing ran.
func claimFailure(ctx context.Context, err error) error {
	if _, refusal := errors.AsType[*fault.Error](err); refusal || ctx.Err() != nil {
		return err
	}
	return fault.Unavailable.Errorf("the idempotency store failed: %w", err).WithUnprocessed()
}

// storeTimeout is how long a store may take to save an answer or to release a claim. A
// caller waits for it, and so does the shutdown of the service.
const storeTimeout = 10 * time.Second

// retryPauses are the pauses between attempts to save an answer. They are short: the
// operation has run, and its caller waits.
var retryPauses = []time.Duration{100 * time.Millisecond, time.Second}

// settle saves the result, or at least that there was one.
func (r *activeRun) settle(ctx context.Context, store Store, result Result, failed bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if failed || len(result.Answer) > MaxAnswer {
		return r.answer(ctx, store, []byte{ranWithoutAnswer}, result.TTL)
	}
	err := r.answer(ctx, store, r.seal(result.Answer), result.TTL)
	if _, undo := errors.AsType[*RollbackError](err); undo {
		return err
	}
	if err == nil || r.kept.Load() {
		return nil
	}
	if store.Answer(ctx, r.key, r.claim, []byte{ranWithoutAnswer}, result.TTL) == nil {
		return fault.Unavailable.Errorf("the idempotency store took no answer of %d bytes, so repeats are refused: %w", len(result.Answer), err)
	}
	return fault.Unavailable.Errorf("the operation ran, but the idempotency store did not keep its answer; a repeat after %s runs again: %w", Lease, err)
}

func (r *activeRun) answer(ctx context.Context, store Store, kept []byte, ttl time.Duration) error {
	err := store.Answer(ctx, r.key, r.claim, kept, ttl)
	for _, pause := range retryPauses {
		if _, undo := errors.AsType[*RollbackError](err); undo || err == nil || r.kept.Load() {
			break
		}
		<-time.After(pause)
		err = store.Answer(ctx, r.key, r.claim, kept, ttl)
	}
	return err
}

// RollbackError is the error of a store in a transaction that could not save an answer.
// What ran in the transaction must be rolled back.
type RollbackError struct{ Err error }

// Error implements error.
func (u *RollbackError) Error() string { return u.Err.Error() }

// Unwrap returns the cause.
func (u *RollbackError) Unwrap() error { return u.Err }

// activeRun is a run that has not ended.
type activeRun struct {
	key, claim string
	owner      Owner
	encode     func(response any) ([]byte, error)
	kept       atomic.Bool // by SaveAnswer
	ran        bool        // see MarkRan
}

type activeRunKey struct{}

// MarkRan records that the operation of ctx has succeeded. If encoding its answer panics
// afterwards, there is no answer to save, but the operation must not run again.
func MarkRan(ctx context.Context) {
	if r, _ := ctx.Value(activeRunKey{}).(*activeRun); r != nil {
		r.ran = true
	}
}

// SaveAnswer writes response to store as the answer of the run that ctx belongs to.
// Outside a run it does nothing.
func SaveAnswer(ctx context.Context, store Store, response any) error {
	r, _ := ctx.Value(activeRunKey{}).(*activeRun)
	if r == nil || r.encode == nil {
		return nil
	}
	answer, err := r.encode(response)
	switch {
	case err != nil:
		return err
	case len(answer) > MaxAnswer:
		return fault.Internal.Errorf("an answer of %d bytes cannot be kept for an idempotency key; the most is %d", len(answer), MaxAnswer)
	}
	if err := store.Answer(ctx, r.key, r.claim, r.seal(answer), AnswerTTL); err != nil {
		return err
	}
	r.kept.Store(true)
	return nil
}

// storedKey is the key in the store: 32 hexadecimal digits of the scope, so that a store
// can tell scopes apart, and 32 of the key.
func storedKey(scope, key string) string {
	scopeSum, keySum := sha256.Sum256([]byte(scope)), sha256.Sum256([]byte(key))
	return hex.EncodeToString(scopeSum[:16]) + hex.EncodeToString(keySum[:16])
}

// The first byte of a stored answer.
const (
	answered         = 1 // the owner and the answer follow
	ranWithoutAnswer = 2 // the operation ran, and there is no answer
)

func (r *activeRun) seal(answer []byte) []byte {
	kept := make([]byte, 0, 1+len(r.owner)+len(answer))
	return append(append(append(kept, answered), r.owner[:]...), answer...)
}

// unseal returns the answer in kept, for its owner alone.
func (r *activeRun) unseal(kept []byte) ([]byte, error) {
	switch {
	case len(kept) > 0 && kept[0] == ranWithoutAnswer:
		return nil, fault.FailedPrecondition.Errorf("the request with this idempotency key ran before, and its answer could not be kept; look at what it did").
			WithReason(fault.ReasonAnswerNotKept).WithStatus(409)
	case len(kept) < 1+len(r.owner) || kept[0] != answered:
		return nil, fault.Internal.Errorf("a stored answer is unreadable")
	case Owner(kept[1:1+len(r.owner)]) != r.owner:
		return nil, fault.InvalidArgument.Errorf("this idempotency key came with other credentials before, and its answer is for them alone").
			WithReason(fault.ReasonKeyOfOtherCredentials).WithStatus(422)
	}
	return kept[1+len(r.owner):], nil
}
