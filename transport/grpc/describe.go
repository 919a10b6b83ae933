package grpc

import (
	"reflect"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sinew-go/sinew/internal/contracts"
)

// Describe describes the method to package apitest, which compares it with what callers
// depend on. It panics if the method does not fit its name, as [Method.Handle] does.
func (m Method[Req, Resp]) Describe() contracts.Operation { return m.contract().describe() }

// Describe describes the method, as [Method.Describe] does.
func (m ServerStream[Req, Resp]) Describe() contracts.Operation { return m.contract().describe() }

// Describe describes the method, as [Method.Describe] does.
func (m ClientStream[Req, Resp]) Describe() contracts.Operation { return m.contract().describe() }

// Describe describes the method, as [Method.Describe] does.
func (m BidiStream[Req, Resp]) Describe() contracts.Operation { return m.contract().describe() }

func (c *contract) describe() contracts.Operation {
	d := describe(c.op.Name)
	return contracts.Operation{
		Kind: contracts.Method, Name: c.op.Name, Keyed: c.keyed,
		Request: contracts.Value{Message: messageOf(d.Input()), Stream: d.IsStreamingClient()},
		Answer:  contracts.Value{Message: messageOf(d.Output()), Stream: d.IsStreamingServer()},
	}
}

// Routes of messages describe them as methods do.
var _ = contracts.DescribeMessages(func(t reflect.Type) *contracts.Message {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !isMessage(t) {
		return nil
	}
	return messageOf(descriptorOf(t))
})

func messageOf(d protoreflect.MessageDescriptor) *contracts.Message {
	m := &contracts.Message{Name: string(d.FullName()), Types: map[string]map[string]any{}}
	addMessage(m.Types, d)
	return m
}

// addMessage adds a message, and those of its fields.
func addMessage(types map[string]map[string]any, d protoreflect.MessageDescriptor) {
	name := string(d.FullName())
	if types[name] != nil {
		return
	}
	properties := map[string]any{}
	types[name] = map[string]any{"type": "object", "properties": properties}
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		property := fieldSchema(types, f)
		property["x-number"] = int(f.Number())
		if name := f.JSONName(); name != defaultJSONName(f.Name()) {
			property["x-json-name"] = name
		}
		switch of := f.ContainingOneof(); {
		case of != nil && !of.IsSynthetic():
			property["x-oneof"] = string(of.Name())
		case f.HasPresence() && f.Message() == nil:
			property["x-presence"] = true
		}
		properties[string(f.Name())] = property
	}
}

// defaultJSONName returns the name that a field has in JSON unless it says another.
func defaultJSONName(name protoreflect.Name) string {
	var b strings.Builder
	upper := false
	for _, r := range string(name) {
		switch {
		case r == '_':
			upper = true
			continue
		case upper && 'a' <= r && r <= 'z':
			r += 'A' - 'a'
		}
		upper = false
		b.WriteRune(r)
	}
	return b.String()
}

// fieldSchema returns the schema of a field.
func fieldSchema(types map[string]map[string]any, f protoreflect.FieldDescriptor) map[string]any {
	switch {
	case f.IsMap():
		return map[string]any{
			"type": "object", "additionalProperties": valueSchema(types, f.MapValue()),
			"propertyNames": map[string]any{"pattern": f.MapKey().Kind().String()},
		}
	case f.IsList():
		return map[string]any{"type": "array", "items": valueSchema(types, f)}
	}
	return valueSchema(types, f)
}

// valueSchema returns the schema of one value of a field.
func valueSchema(types map[string]map[string]any, f protoreflect.FieldDescriptor) map[string]any {
	kind := f.Kind()
	switch {
	case kind == protoreflect.EnumKind:
		return map[string]any{"type": "string", "enum": enumValues(f.Enum())}
	case isWellKnown(f):
		return map[string]any{"type": "string", "x-kind": string(f.Message().FullName())}
	case kind == protoreflect.MessageKind, kind == protoreflect.GroupKind:
		addMessage(types, f.Message())
		return map[string]any{"$ref": string(f.Message().FullName())}
	}
	of := jsonType(kind)
	if kind == protoreflect.StringKind || kind == protoreflect.BoolKind { // the only kinds of their types
		return map[string]any{"type": of}
	}
	return map[string]any{"type": of, "x-kind": kind.String()}
}

// isWellKnown reports whether a message has a JSON form of its own.
func isWellKnown(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && strings.HasPrefix(string(f.Message().FullName()), "google.protobuf.")
}

// enumValues returns the names of an enum, which travel in JSON, with their numbers, which
// travel otherwise.
func enumValues(d protoreflect.EnumDescriptor) (all []any) {
	values := d.Values()
	for i := range values.Len() {
		v := values.Get(i)
		all = append(all, string(v.Name())+" = "+strconv.Itoa(int(v.Number())))
	}
	return all
}

// jsonType returns the JSON type of the form that a kind has in JSON.
func jsonType(kind protoreflect.Kind) string {
	switch kind {
	case protoreflect.BoolKind:
		return "boolean"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "number"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return "integer"
	}
	return "string" // 64 bits, too
}
