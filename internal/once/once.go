// Package once runs an operation once per idempotency key: the part that
// endpoint.Once, endpoint.Keyed and the Keyed routes of transport/rest share.
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

// Store is endpoint.IdempotencyStore, which documents it.
type Store interface {
	Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (claim string, answer []byte, err error)
	Renew(ctx context.Context, key, claim string, lease time.Duration) error
	Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error
	Release(ctx context.Context, key, claim string) error
}

const (
	// Lease is how long a claim holds without a renewal.
	Lease = time.Minute
	// AnswerTTL is how long the answer of a run that succeeded is kept.
	AnswerTTL = 24 * time.Hour
	// RefusalTTL is how long a refusal is kept: it changed nothing, and only
	// spares the operation the repeats of one call.
	RefusalTTL = time.Minute
	// MaxAnswer is the size in bytes of the largest answer that is kept.
	MaxAnswer = 4 << 20
)

// Operation is one use of a key.
type Operation struct {
	// Scope keeps the keys of different callers and operations apart.
	Scope, Key string
	// Fingerprint tells whether a repeat is the same request. Nil is as good as
	// any other.
	Fingerprint []byte
	// Encode makes an answer of what [TTL] is given. Nil leaves nothing to keep.
	Encode func(response any) ([]byte, error)
	// OnUnsaved hears why the store did not keep the answer of a run.
	OnUnsaved func(err error)
}

// Result is what a run gave.
type Result struct {
	// Answer is what every later use of the key gets.
	Answer []byte
	// TTL is how long. Zero gives the key back, so that a later use runs. With
	// an error and Keep above zero the operation ran and has no answer that could
	// be kept: later uses are refused.
	TTL time.Duration
}

// Run runs the operation, unless it ran with this key before: then answer is the
// one of that run, and replayed.
func (u Operation) Run(ctx context.Context, store Store, run func(ctx context.Context) (Result, error)) (answer []byte, replayed bool, err error) {
	r := &running{key: stored(u.Scope, u.Key), owner: ownerOf(ctx), encode: u.Encode}
	var kept []byte
	r.claim, kept, err = store.Claim(ctx, r.key, u.Fingerprint, Lease)
	if err != nil {
		return nil, false, unclaimed(ctx, err)
	}
	if r.claim == "" {
		answer, err = r.open(kept)
		return answer, err == nil, err
	}
	settled := context.WithoutCancel(ctx)
	stop := heartbeat.Every(settled, Lease/3, func(ctx context.Context) {
		_ = store.Renew(ctx, r.key, r.claim, Lease) // the next one may work
	})
	var result Result
	panicked := true
	defer func() {
		if panicked && r.ran && !r.kept.Load() {
			result.TTL = AnswerTTL
			if failed := r.settle(settled, store, result, true); failed != nil && u.OnUnsaved != nil {
				u.OnUnsaved(failed)
			}
		}
		stop()
		if result.TTL == 0 {
			ending, cancel := context.WithTimeout(settled, patience)
			defer cancel()
			_ = store.Release(ending, r.key, r.claim) // the lease ends the claim if this fails
		}
	}()
	result, err = run(context.WithValue(ctx, runningKey{}, r))
	panicked = false
	if r.kept.Load() && (err != nil || result.TTL < AnswerTTL) {
		result.TTL = 0 // what was kept holds, or was undone with its transaction; what was said after it is for this use alone
	}
	if result.TTL > 0 {
		failed := r.settle(settled, store, result, err != nil)
		if _, undo := errors.AsType[*RollbackError](failed); undo {
			return nil, false, failed
		}
		if failed != nil && u.OnUnsaved != nil {
			u.OnUnsaved(failed)
		}
	}
	return result.Answer, false, err
}

// unclaimed is why the key could not be claimed. What is no refusal of the store is
// its failure, and nothing ran.
func unclaimed(ctx context.Context, err error) error {
	if _, refusal := errors.AsType[*fault.Error](err); refusal || ctx.Err() != nil {
		return err
	}
	return fault.Unavailable.Errorf("the idempotency store failed: %w", err).WithUnprocessed()
}

// patience is how long a store may take to keep an answer, or to let a claim go: a
// caller waits for it, and so does the end of the service.
const patience = 10 * time.Second

// pauses are those between the attempts to keep an answer: the operation has run,
// and its caller waits.
var pauses = []time.Duration{100 * time.Millisecond, time.Second}

// settle keeps the result, or at least that there was one.
func (r *running) settle(ctx context.Context, store Store, result Result, failed bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if failed || len(result.Answer) > MaxAnswer {
		return r.answer(ctx, store, []byte{spent}, result.TTL)
	}
	err := r.answer(ctx, store, r.seal(result.Answer), result.TTL)
	if _, undo := errors.AsType[*RollbackError](err); undo {
		return err
	}
	if err == nil || r.kept.Load() {
		return nil
	}
	if store.Answer(ctx, r.key, r.claim, []byte{spent}, result.TTL) == nil {
		return fault.Unavailable.Errorf("the idempotency store took no answer of %d bytes, so repeats are refused: %w", len(result.Answer), err)
	}
	return fault.Unavailable.Errorf("the operation ran, but the idempotency store did not keep its answer; a repeat after %s runs again: %w", Lease, err)
}

func (r *running) answer(ctx context.Context, store Store, kept []byte, ttl time.Duration) error {
	err := store.Answer(ctx, r.key, r.claim, kept, ttl)
	for _, pause := range pauses {
		if _, undo := errors.AsType[*RollbackError](err); undo || err == nil || r.kept.Load() {
			break
		}
		<-time.After(pause)
		err = store.Answer(ctx, r.key, r.claim, kept, ttl)
	}
	return err
}

// RollbackError is the error of a store within a transaction that could not keep an answer:
// what was run in the transaction must not hold either.
type RollbackError struct{ Err error }

// Error implements error.
func (u *RollbackError) Error() string { return u.Err.Error() }

// Unwrap is the cause.
func (u *RollbackError) Unwrap() error { return u.Err }

// running is a run under way.
type running struct {
	key, claim string
	owner      Owner
	encode     func(response any) ([]byte, error)
	kept       atomic.Bool // by Keep
	ran        bool        // see Ran
}

type runningKey struct{}

// MarkRan says that the operation has run in ctx and has succeeded: a panic from here on,
// of what encodes its answer, leaves no answer, and is no reason to run it again.
func MarkRan(ctx context.Context) {
	if r, _ := ctx.Value(runningKey{}).(*running); r != nil {
		r.ran = true
	}
}

// TTL writes response into store as the answer of the run that ctx belongs to.
// Without such a run it does nothing.
func SaveAnswer(ctx context.Context, store Store, response any) error {
	r, _ := ctx.Value(runningKey{}).(*running)
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

// stored is the key as the store has it: 32 hexadecimal digits of the scope, so
// that a store can tell scopes apart, and 32 of the key.
func stored(scope, key string) string {
	of, id := sha256.Sum256([]byte(scope)), sha256.Sum256([]byte(key))
	return hex.EncodeToString(of[:16]) + hex.EncodeToString(id[:16])
}

// What the first byte of a kept answer says.
const (
	answered = 1 // the owner and the answer follow
	spent    = 2 // the operation ran, and there is no answer
)

func (r *running) seal(answer []byte) []byte {
	kept := make([]byte, 0, 1+len(r.owner)+len(answer))
	return append(append(append(kept, answered), r.owner[:]...), answer...)
}

// open is a kept answer, for its owner alone.
func (r *running) open(kept []byte) ([]byte, error) {
	switch {
	case len(kept) > 0 && kept[0] == spent:
		return nil, fault.FailedPrecondition.Errorf("the request with this idempotency key ran before, and its answer could not be kept; look at what it did").
			WithReason("answer_not_kept").WithStatus(409)
	case len(kept) < 1+len(r.owner) || kept[0] != answered:
		return nil, fault.Internal.Errorf("a kept answer is unreadable")
	case Owner(kept[1:1+len(r.owner)]) != r.owner:
		return nil, fault.InvalidArgument.Errorf("this idempotency key came with other credentials before, and its answer is for them alone").
			WithReason("key_of_other_credentials").WithStatus(422)
	}
	return kept[1+len(r.owner):], nil
}
