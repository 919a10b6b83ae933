package grpc

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sinew-go/sinew/call"
)

// defaultMaxMessage is that of grpc-go.
const defaultMaxMessage = 4 << 20

// contract is a validated method without its type parameters.
type contract struct {
	op          call.Operation
	service     string // "api.OrderService"
	keyed       bool
	maxMessage  int
	newRequest  func() proto.Message
	newResponse func() proto.Message
}

// shape says which side of a method streams.
type shape struct{ client, server bool }

func (s shape) String() string {
	switch s {
	case shape{}:
		return "Method"
	case shape{server: true}:
		return "ServerStream"
	case shape{client: true}:
		return "ClientStream"
	}
	return "BidiStream"
}

func contractOf[Req, Resp proto.Message](name string, s shape, keyed bool, maxMessage int) *contract {
	var req Req
	var resp Resp
	d := describe(name)
	got := shape{d.IsStreamingClient(), d.IsStreamingServer()}
	if got != s {
		refuse(name, "%s declares it as a %s, not as a %s", d.ParentFile().Path(), got, s)
	}
	in, out := req.ProtoReflect().Descriptor().FullName(), resp.ProtoReflect().Descriptor().FullName()
	if in != d.Input().FullName() || out != d.Output().FullName() {
		refuse(name, "%s declares it from %s to %s, and it is used from %s to %s", d.ParentFile().Path(), d.Input().FullName(), d.Output().FullName(), in, out)
	}
	if maxMessage < 0 {
		refuse(name, "MaxMessage %d is negative", maxMessage)
	}
	if maxMessage == 0 {
		maxMessage = defaultMaxMessage
	}
	return &contract{
		op:      call.Operation{Name: name, Safe: s == shape{} && (keyed || isIdempotent(d))},
		service: string(d.Parent().FullName()), keyed: keyed, maxMessage: maxMessage,
		newRequest: newOf[Req], newResponse: newOf[Resp],
	}
}

// describe returns the descriptor of a method by its name.
func describe(name string) protoreflect.MethodDescriptor {
	service, method, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok || !strings.HasPrefix(name, "/") {
		refuse(name, "a name is %q", "/package.Service/Method")
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		refuse(name, "no file that is linked into this program has the service %q", service)
	}
	in, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		refuse(name, "%s is no service in %s", service, d.ParentFile().Path())
	}
	m := in.Methods().ByName(protoreflect.Name(method))
	if m == nil {
		refuse(name, "%s in %s has no method %q", service, d.ParentFile().Path(), method)
	}
	return m
}

func isIdempotent(d protoreflect.MethodDescriptor) bool {
	o, ok := d.Options().(*descriptorpb.MethodOptions)
	return ok && o.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
}

func refuse(name, format string, args ...any) {
	panic(fmt.Sprintf("grpc: method %q: %s", name, fmt.Sprintf(format, args...)))
}
