package grpcgo

import (
	"context"
	"slices"

	"google.golang.org/grpc/balancer"

	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/loadbalance"
)

// picker picks among the instances that are connected at one moment.
type picker struct {
	pool       *loadbalance.Pool
	ready      map[string]balancer.SubConn // by id
	connecting []string                    // ids of instances that cannot be used yet
	err        error                       // why no instance will be ready soon
}

// abandoned is the context of a pick that is used for nothing.
var abandoned = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Pick implements [balancer.Picker].
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	if len(p.ready) == 0 {
		if p.err != nil {
			return balancer.PickResult{}, p.err
		}
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	made := callctx.Of(info.Ctx)
	r := loadbalance.Request{Tried: p.connecting}
	if made != nil {
		r.HashKey, r.Safe = made.HashKey, made.Safe
		if len(made.Tried) > 0 {
			r.Tried = append(slices.Clip(p.connecting), made.Tried...)
		}
	}
	picked, conn, err := p.pick(info.Ctx, r)
	if err == nil && conn == nil && len(r.Tried) > len(p.connecting) { // all that are ready have been tried
		r.Tried = p.connecting
		picked, conn, err = p.pick(info.Ctx, r)
	}
	switch {
	case err != nil:
		return balancer.PickResult{}, err
	case conn == nil: // the pool knows more than this picker: another one follows
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	if made != nil {
		made.Try(picked.Instance.ID)
		made.Addr = picked.Instance.Endpoint
	}
	if b, ok := info.Ctx.Value(beginKey{}).(*begin); ok {
		b.end(abandoned, context.Canceled) // of an earlier pick whose connection was lost
		b.done = picked.Done
		return balancer.PickResult{SubConn: conn}, nil
	}
	return balancer.PickResult{SubConn: conn, Done: func(d balancer.DoneInfo) { done(info, picked, d) }}, nil
}

// pick returns a nil conn if the chosen instance is not ready.
func (p *picker) pick(ctx context.Context, r loadbalance.Request) (loadbalance.Picked, balancer.SubConn, error) {
	picked, err := p.pool.Pick(ctx, r)
	if err != nil {
		return picked, nil, err
	}
	conn := p.ready[picked.Instance.ID]
	if conn == nil {
		picked.Done(abandoned, context.Canceled)
	}
	return picked, conn, nil
}

// done reports the end of a call to the pool.
func done(info balancer.PickInfo, picked loadbalance.Picked, d balancer.DoneInfo) {
	switch {
	case d.Err != nil:
		err := received(info.Ctx, info.FullMethodName, d.Err, d.Trailer, d.BytesSent)
		picked.Done(info.Ctx, err)
	case !d.BytesReceived: // grpc-go has lost the connection, and picks again
		picked.Done(abandoned, context.Canceled)
	default:
		picked.Done(info.Ctx, nil)
	}
}

// begin is the begin of a stream, which counts as a call of its own.
type begin struct {
	done func(context.Context, error)
}

type beginKey struct{}

// end reports the end of the begin, once.
func (b *begin) end(ctx context.Context, err error) {
	if b.done == nil {
		return
	}
	b.done(ctx, err)
	b.done = nil
}

// ended reports how the begin of a stream ended: err is what grpc-go says of it.
func (b *begin) ended(ctx context.Context, method string, err error) {
	if err != nil {
		err = received(ctx, method, err, nil, false)
	}
	b.end(ctx, err)
}
