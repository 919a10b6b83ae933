package grpc

import (
	"math"
	"reflect"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemas are JSON Schemas of messages as protobuf JSON, by the names of the messages.
type schemas map[string]map[string]any

// schemaOf returns the JSON Schema of a message as protobuf JSON, and those that it refers to.
func schemaOf(t reflect.Type) (schema map[string]any, named map[string]map[string]any) {
	all := schemas{}
	return all.message(descriptorOf(t)), all
}

// descriptorOf returns the descriptor of a message.
func descriptorOf(t reflect.Type) protoreflect.MessageDescriptor {
	m, _ := reflect.Zero(reflect.PointerTo(t)).Interface().(proto.Message)
	return m.ProtoReflect().Descriptor()
}

// message returns the schema of a message: a reference, or that of a form of its own.
func (all schemas) message(d protoreflect.MessageDescriptor) map[string]any {
	if own := all.wellKnown(d); own != nil {
		return own
	}
	name := string(d.FullName())
	if d.Parent() == d.ParentFile() && d.ParentFile().Package() == "" {
		name = "proto." + name // so that it is not that of a Go type
	}
	reference := map[string]any{"$ref": "#/components/schemas/" + name}
	if all[name] != nil {
		return reference
	}
	properties := map[string]any{}
	all[name] = map[string]any{"type": "object", "properties": properties}
	var required []string
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		properties[f.JSONName()] = all.field(f)
		if f.Cardinality() == protoreflect.Required {
			required = append(required, f.JSONName())
		}
	}
	if required != nil {
		all[name]["required"] = required
	}
	return reference
}

func (all schemas) field(f protoreflect.FieldDescriptor) map[string]any {
	switch {
	case f.IsMap():
		return map[string]any{"type": "object", "additionalProperties": all.value(f.MapValue())}
	case f.IsList():
		return map[string]any{"type": "array", "items": all.value(f)}
	}
	return all.value(f)
}

// value returns the schema of one value of a field as it is written. Protobuf reads more: a
// number of 64 bits without quotes, a number of 32 bits with them, and null.
func (all schemas) value(f protoreflect.FieldDescriptor) map[string]any {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return all.message(f.Message())
	case protoreflect.EnumKind:
		return enumSchema(f.Enum())
	}
	return scalarSchema(f.Kind())
}

// enumSchema returns the schema of an enum: a name, or the number of a value that has none.
func enumSchema(d protoreflect.EnumDescriptor) map[string]any {
	if d.FullName() == "google.protobuf.NullValue" {
		return map[string]any{"type": "null"}
	}
	var names []string
	for i := range d.Values().Len() {
		names = append(names, string(d.Values().Get(i).Name()))
	}
	return anyOf(map[string]any{"type": "string", "enum": names}, map[string]any{"type": "integer", "format": "int32"})
}

func anyOf(schemas ...any) map[string]any { return map[string]any{"anyOf": schemas} }

func scalarSchema(kind protoreflect.Kind) map[string]any {
	switch kind {
	case protoreflect.BoolKind:
		return map[string]any{"type": "boolean"}
	case protoreflect.BytesKind:
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return anyOf(map[string]any{"type": "number"},
			map[string]any{"type": "string", "enum": []string{"NaN", "Infinity", "-Infinity"}})
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return map[string]any{"type": "integer", "minimum": math.MinInt32, "maximum": math.MaxInt32}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return map[string]any{"type": "integer", "minimum": 0, "maximum": math.MaxUint32}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return map[string]any{"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return map[string]any{"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}
	}
	return map[string]any{"type": "string"}
}

// wellKnown returns the schema of a message that has a JSON form of its own, else nil.
func (all schemas) wellKnown(d protoreflect.MessageDescriptor) map[string]any {
	switch d.FullName() {
	case "google.protobuf.Timestamp":
		return map[string]any{"type": "string", "format": "date-time"}
	case "google.protobuf.Duration":
		return map[string]any{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return map[string]any{"type": "string"}
	case "google.protobuf.Struct":
		return map[string]any{"type": "object"}
	case "google.protobuf.ListValue":
		return map[string]any{"type": "array"}
	case "google.protobuf.Value":
		return map[string]any{}
	case "google.protobuf.Any":
		return map[string]any{
			"type": "object", "properties": map[string]any{"@type": map[string]any{"type": "string"}},
		}
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value",
		"google.protobuf.UInt64Value", "google.protobuf.Int32Value", "google.protobuf.UInt32Value",
		"google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return all.value(d.Fields().ByName("value"))
	}
	return nil
}
