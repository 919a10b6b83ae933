// Package contracts is how a route, a topic or a method describes itself to package
// apitest, which knows none of their packages.
package contracts

import "reflect"

// Described is what others depend on, and describes itself: a rest.Route, an
// eventbus.Topic, or a method of package transport/grpc.
type Described interface {
	// Describe panics if what it describes does not fit its own types.
	Describe() Operation
}

// Kind is what an operation is.
type Kind string

// The kinds of operations.
const (
	Route  Kind = "route"
	Topic  Kind = "topic"
	Method Kind = "method" // of a service that is called in another way than by its routes
)

// Operation is what others can depend on. Fields that say nothing about its kind are zero.
type Operation struct {
	Kind Kind
	// Name is unique among those of the kind: "GET /orders/{id}", "order.placed".
	Name string
	// Status is the HTTP status of a success.
	Status int
	// Keyed says that a request with an idempotency key runs once.
	Keyed bool
	// Strict says that body members which Request does not have are refused.
	Strict bool
	// Ordered says that events of one key are handled in order.
	Ordered bool
	// MaxBody is the maximum size of a request body in bytes.
	MaxBody int64
	// Parameters travel with a request outside of its body. Those of the path are first,
	// in its order.
	Parameters []Parameter
	// Headers are those of the answer.
	Headers []Parameter
	// Request is the body of a request.
	Request Value
	// Answer is the body of an answer.
	Answer Value
	// Event is the data of an event.
	Event Value
	// Version is the version of Event, and Earlier are those before it that subscribers read
	// as well, in order.
	Version int
	Earlier []int
}

// Parameter is a named value beside a body.
type Parameter struct {
	// In is where it travels: "path", "query", "header" or "cookie".
	In   string
	Name string
	// Required says that it is always there: what a request must have, or an answer has.
	Required bool
	// Schema is its JSON Schema, with its default where it has one.
	Schema map[string]any
}

// Value is what travels as JSON, or as a message. The zero Value is none.
type Value struct {
	// Type is its Go type.
	Type reflect.Type
	// Elsewhere are the fields of Type that do not travel in the value, by their index.
	Elsewhere [][]int
	// Message describes a value that is a message of Protocol Buffers, instead of Type.
	Message *Message
	// Media are the media types of a value that is neither JSON nor a message.
	Media []string
	// Stream says that any number of such values travel.
	Stream bool
}

// Message is a message of Protocol Buffers.
type Message struct {
	// Name is its full name, such as "api.Order".
	Name string
	// Types are the JSON Schemas of the message and of all that it refers to, by full name,
	// as in {"$ref": "api.Order"}. A property has the number of its field as x-number, and
	// its kind as x-kind where JSON has several for one type. It has x-json-name if its name
	// in JSON is not the usual one, x-oneof if it is one of several, and x-presence if an
	// absent scalar is not a zero.
	Types map[string]map[string]any
}

// messages describes a type that is a message of Protocol Buffers, and returns nil for any
// other. It is nil in a program without package transport/grpc.
var messages func(t reflect.Type) *Message

// DescribeMessages sets how types are described that are messages of Protocol Buffers. It
// is called once, before main runs, by the package that knows of them.
func DescribeMessages(describe func(t reflect.Type) *Message) bool {
	messages = describe
	return true
}

// ValueOf returns the value that a type is: a message of Protocol Buffers, or else JSON.
// elsewhere are the fields that do not travel in it.
func ValueOf(t reflect.Type, elsewhere [][]int) Value {
	if t != nil && messages != nil {
		if m := messages(t); m != nil {
			return Value{Message: m}
		}
	}
	return Value{Type: t, Elsewhere: elsewhere}
}
