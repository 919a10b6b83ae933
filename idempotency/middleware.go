package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"reflect"
	"strconv"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/once"
)

// Middleware runs the endpoint once per idempotency key, and answers a repeat of the same
// request with the first answer. The key is IdempotencyKey of the call.Record; keys of
// different Subjects and operations are separate. A call without a key runs each time. The
// response is stored as JSON for a day; a number within an interface is read back as a
// json.Number, which loses no digit. An error is not stored, so the next use of the key
// runs the endpoint again. A call whose response has no JSON form fails with
// fault.Internal, and every repeat with reason answer_not_kept. While the first use runs,
// others get [KeyInUse]. A use with another request gets [KeyReused]. Middleware panics if
// store is nil.
func Middleware[Req, Resp any](store Store) endpoint.Middleware {
	if absent.Is(store) {
		panic("idempotency.Middleware: the store is nil; give idempotency.NewMemory() or an idempotency.SQL")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			c := call.Of(ctx)
			if c == nil || c.IdempotencyKey == "" {
				return next(ctx, request)
			}
			body, err := json.Marshal(withPointerMethods(request))
			if err != nil {
				return nil, fault.Internal.Errorf("a keyed request of type %T has no JSON form: %w", request, err)
			}
			fingerprint := sha256.Sum256(body)
			u := once.Operation{
				Scope: strconv.Quote(c.Subject) + c.Service + "\x00" + c.Name, Key: c.IdempotencyKey, Fingerprint: fingerprint[:],
				Encode: encodeAs[Resp], OnUnsaved: logUnsaved(ctx),
			}
			var response any
			answer, replayed, err := u.Run(ctx, store, func(ctx context.Context) (once.Result, error) {
				var err error
				if response, err = next(ctx, request); err != nil {
					return once.Result{}, err
				}
				var result once.Result
				if !failed(response) { // a failed response counts as an error, and is not stored
					result.TTL = once.AnswerTTL
					once.MarkRan(ctx)
					result.Answer, err = encodeAs[Resp](response)
				}
				return result, err
			})
			if err != nil || !replayed {
				return response, err
			}
			var resp Resp
			decoder := json.NewDecoder(bytes.NewReader(answer))
			decoder.UseNumber()
			if err := decoder.Decode(&resp); err != nil {
				return nil, fault.Internal.Errorf("a stored answer is no %s: %w", reflect.TypeFor[Resp](), err)
			}
			return resp, nil
		}
	}
}

// failed says whether go-kit counts the response as an error.
func failed(response any) bool {
	f, ok := response.(kitendpoint.Failer)
	return ok && f.Failed() != nil
}

// encodeAs encodes a response as JSON, through a pointer, so that encoding/json finds a
// MarshalJSON of the pointer.
func encodeAs[Resp any](response any) ([]byte, error) {
	if typed, ok := response.(Resp); ok {
		response = &typed
	}
	text, err := json.Marshal(response)
	if err != nil {
		return nil, fault.Internal.Errorf("a response of type %s has no JSON form, so a repeat could not be answered: %w", reflect.TypeFor[Resp](), err)
	}
	return text, nil
}

// withPointerMethods returns a pointer to a copy of v, or v if that is a pointer, so that
// encoding/json finds the methods of pointers, as it does when reading.
func withPointerMethods(v any) any {
	at := reflect.ValueOf(v)
	if !at.IsValid() || at.Kind() == reflect.Pointer {
		return v
	}
	p := reflect.New(at.Type())
	p.Elem().Set(at)
	return p.Interface()
}
