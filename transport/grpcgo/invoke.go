package grpcgo

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
)

// operations are the operations by the name of their method. There are as many as the
// program has methods.
var operations sync.Map

// operationOf returns the operation of a method. It is safe to repeat if its file declares
// it as IDEMPOTENT or NO_SIDE_EFFECTS.
func operationOf(method string) call.Operation {
	if known, ok := operations.Load(method); ok {
		return known.(call.Operation)
	}
	op := call.Operation{Name: method}
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if m, ok := d.(protoreflect.MethodDescriptor); ok && err == nil {
		o, ok := m.Options().(*descriptorpb.MethodOptions)
		op.Safe = ok && o.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		operations.Store(method, op)
	}
	return op
}

// sendUnary makes one attempt of a unary call.
type sendUnary func(ctx context.Context, addr string, reply any, opts []grpc.CallOption) error

// invoke makes a unary call through caller. Two attempts may run at the same time, so each
// has a reply, a header, a trailer and a peer of its own.
func invoke(
	ctx context.Context, caller call.Caller, method string, reply any, opts []grpc.CallOption, send sendUnary,
) error {
	op := operationOf(method)
	message, isMessage := reply.(proto.Message)
	op.Safe = op.Safe && isMessage
	opts, wanted := wantedOf(opts)
	var (
		mu       sync.Mutex
		answered bool
	)
	err := caller.Call(ctx, op, func(ctx context.Context, addr string) error {
		a := attempt{}
		into := reply
		if op.Safe {
			into = message.ProtoReflect().New().Interface()
		}
		err := send(withMetadata(ctx), addr, into, append(a.options(), opts...))
		if err != nil {
			err = received(ctx, method, err, a.trailer, a.peer.Addr != nil)
		}
		mu.Lock()
		defer mu.Unlock()
		if answered {
			return err
		}
		answered = err == nil
		wanted.set(&a)
		if answered && op.Safe {
			proto.Reset(message)
			proto.Merge(message, into.(proto.Message))
		}
		return err
	})
	if err == nil && !answered {
		err = fault.Internal.Errorf("%s was not called", method)
	}
	return withStatus(err)
}

// attempt is what an attempt learns besides its answer.
type attempt struct {
	header, trailer metadata.MD
	peer            peer.Peer
}

// options make grpc-go fill a.
func (a *attempt) options() []grpc.CallOption {
	return []grpc.CallOption{grpc.Header(&a.header), grpc.Trailer(&a.trailer), grpc.Peer(&a.peer)}
}

// wanted are the places where the caller wants to find what an attempt learns.
type wanted struct {
	headers, trailers []*metadata.MD
	peers             []*peer.Peer
}

// wantedOf takes the places out of opts, which stays unchanged.
func wantedOf(opts []grpc.CallOption) (others []grpc.CallOption, w wanted) {
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			w.headers = append(w.headers, o.HeaderAddr)
		case grpc.TrailerCallOption:
			w.trailers = append(w.trailers, o.TrailerAddr)
		case grpc.PeerCallOption:
			w.peers = append(w.peers, o.PeerAddr)
		default:
			others = append(others, o)
		}
	}
	return others, w
}

func (w wanted) set(a *attempt) {
	for _, at := range w.headers {
		*at = a.header
	}
	for _, at := range w.trailers {
		*at = a.trailer
	}
	for _, at := range w.peers {
		*at = a.peer
	}
}
