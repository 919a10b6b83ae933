package grpc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/once"
	"github.com/sinew-go/sinew/internal/wire"
)

// The first byte of a stored answer says what follows.
const (
	storedMessage = 'm'
	storedProblem = 'p'
)

// once runs a request, and one of a Keyed method once per idempotency key.
func (h *handler) once(ctx context.Context, r *http.Request, request proto.Message, run func(context.Context) (proto.Message, error)) (proto.Message, error) {
	record := call.Of(ctx)
	key, err := wire.IncomingKey(record, r, h.keyed)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return run(ctx)
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return nil, fault.Internal.Errorf("the request of %s cannot be encoded: %w", h.op.Name, err)
	}
	sum := sha256.Sum256(text)
	var fresh proto.Message
	u := once.Operation{Scope: wire.Scope(record, h.op.Name), Key: key, Fingerprint: sum[:], Encode: encodeResponse, OnUnsaved: func(err error) {
		h.log().WarnContext(ctx, "an answer was not stored", "method", h.op.Name, "error", err)
	}}
	var refusal error
	stored, replayed, err := u.Run(ctx, h.store, func(ctx context.Context) (once.Result, error) {
		fresh, err = run(ctx)
		switch {
		case err == nil:
			once.MarkRan(ctx)
			text, err := encodeResponse(fresh)
			return once.Result{Answer: text, TTL: once.AnswerTTL}, err
		case !wire.IsPermanent(err):
			return once.Result{}, err
		}
		refusal = err
		text, err := json.Marshal(fault.ProblemOf(err))
		return once.Result{Answer: append([]byte{storedProblem}, text...), TTL: once.RefusalTTL}, err
	})
	switch {
	case err != nil:
		return nil, err
	case !replayed:
		return fresh, refusal
	}
	return h.decodeStored(stored)
}

func encodeResponse(response any) ([]byte, error) {
	m, ok := response.(proto.Message)
	if !ok {
		return nil, fault.Internal.Errorf("the answer of type %T is no message", response)
	}
	text, err := proto.Marshal(m)
	return append([]byte{storedMessage}, text...), err
}

func (h *handler) decodeStored(stored []byte) (proto.Message, error) {
	if len(stored) > 0 && stored[0] == storedProblem {
		var p fault.Problem
		if err := json.Unmarshal(stored[1:], &p); err == nil {
			return nil, p.Err()
		}
	}
	m := h.newResponse()
	if len(stored) == 0 || stored[0] != storedMessage || proto.Unmarshal(stored[1:], m) != nil {
		return nil, fault.Internal.Errorf("a stored answer of %s is unreadable", h.op.Name)
	}
	return m, nil
}
