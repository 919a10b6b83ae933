package grpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew/transport/rest"
)

// ProtoJSON returns the codec of protobuf messages as JSON, for routes of package rest whose
// requests or answers are messages:
//
//	svc := sinew.New("order", sinew.Config{Codecs: rest.Codecs{grpc.ProtoJSON(), grpc.Protobuf()}})
//
// Its media type is application/json, and it is for messages alone: other types stay what
// encoding/json makes of them, also where they have messages within. The JSON is that of
// the specification of protobuf, with its names, its strings for 64 bits, and nothing for a
// field that is not set, without spaces. Members that a message does not have are ignored,
// unless the route is Strict.
//
// A field whose name in the .proto file is that of a path variable is set from the path,
// and all fields of a request without a body from the query, under those names. An enum is
// a number there. That needs generated structs with exported fields: a message of the opaque
// API has its fields in the body alone.
func ProtoJSON() rest.Codec {
	return rest.Codec{
		Name: "protobuf JSON", MediaTypes: []string{"application/json"}, Types: isMessage, Schema: schemaOf,
		Encode: func(buffer []byte, v any) ([]byte, error) {
			text, err := protojson.Marshal(v.(proto.Message))
			if err != nil {
				return buffer, err
			}
			out := bytes.NewBuffer(buffer)
			err = json.Compact(out, text) // protojson adds spaces that depend on the program
			return out.Bytes(), err
		},
		Decode:       unmarshalJSON(protojson.UnmarshalOptions{DiscardUnknown: true}),
		DecodeStrict: unmarshalJSON(protojson.UnmarshalOptions{}),
	}
}

func unmarshalJSON(o protojson.UnmarshalOptions) func(text []byte, v any) error {
	return func(text []byte, v any) error { return plainText(o.Unmarshal(text, v.(proto.Message))) }
}

// plainText returns err with the spaces that everybody has: protobuf writes others into
// errors, by chance.
func plainText(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: "))
}

// Protobuf returns the codec of protobuf messages in their binary form, which has the media
// types application/protobuf and application/x-protobuf. A Strict route does not have it.
func Protobuf() rest.Codec {
	return rest.Codec{
		Name: "protobuf", MediaTypes: []string{"application/protobuf", "application/x-protobuf"}, Types: isMessage,
		Encode: func(buffer []byte, v any) ([]byte, error) {
			return proto.MarshalOptions{Deterministic: true}.MarshalAppend(buffer, v.(proto.Message))
		},
		Decode: func(text []byte, v any) error { return plainText(proto.Unmarshal(text, v.(proto.Message))) },
	}
}

func isMessage(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[proto.Message]())
}
