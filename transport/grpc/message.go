package grpc

import (
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// message holds a message of a type that is known at run time only. It is a message
// itself, that one.
type message struct{ proto.Message }

// initialize returns a function that makes a message ready to be decoded.
func initialize(newMessage func() proto.Message) func(connect.Spec, any) error {
	return func(_ connect.Spec, m any) error {
		m.(*message).Message = newMessage()
		return nil
	}
}

// newOf returns a new message of type M.
func newOf[M proto.Message]() proto.Message {
	var zero M
	return zero.ProtoReflect().New().Interface()
}
