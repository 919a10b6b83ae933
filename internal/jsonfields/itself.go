package jsonfields

import (
	"encoding"
	"encoding/json"
	"reflect"
)

var (
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// EncodesItself reports whether encoding/json encodes a value of type t by t's own method.
func EncodesItself(t reflect.Type) bool {
	return t.Implements(marshalerType) || t.Implements(textMarshalerType)
}

// DecodesItself reports whether encoding/json decodes a value of type t by t's own method.
func DecodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType)
}

// IsBytes reports whether encoding/json writes a slice as a string, in base64.
func IsBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !EncodesItself(reflect.PointerTo(t.Elem()))
}
