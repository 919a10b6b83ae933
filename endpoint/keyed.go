package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"reflect"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/fault"
)

// Keyed runs the endpoint once per idempotency key and answers a repeat of the
// same request with the first answer. The key is Call.IdempotencyKey, scoped to
// the calling service and the operation; calls without one pass. Responses are
// kept as JSON; errors are not kept. A key in use is [KeyInUse], one that came
// with another request is [KeyReused]. It panics when store is nil.
func Keyed[Req, Resp any](store IdempotencyStore) Middleware {
	if store == nil {
		panic("endpoint.Keyed: the store is nil; give endpoint.NewMemoryStore() or an endpoint.SQLStore")
	}
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			c := CallOf(ctx)
			if c == nil || c.IdempotencyKey == "" {
				return next(ctx, request)
			}
			body, err := json.Marshal(request)
			if err != nil {
				return nil, fault.Internal.Errorf("a keyed request of type %T has no JSON form: %w", request, err)
			}
			fingerprint := sha256.Sum256(body)
			answer, _, err := Once(ctx, store, c.From+"\x00"+c.Service+"\x00"+c.Name, c.IdempotencyKey, fingerprint[:], func() ([]byte, bool, error) {
				response, err := next(ctx, request)
				if err != nil {
					return nil, false, err
				}
				answer, err := json.Marshal(response)
				return answer, err == nil, err
			})
			if err != nil {
				return nil, err
			}
			var resp Resp
			if err := json.Unmarshal(answer, &resp); err != nil {
				return nil, fault.Internal.Errorf("a kept answer is no %s: %w", reflect.TypeFor[Resp](), err)
			}
			return resp, nil
		}
	}
}
