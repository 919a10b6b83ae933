package grpc_test

import (
	"reflect"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/sinew-go/sinew/transport/grpc"
)

func TestAMethodDescribesItsMessages(t *testing.T) {
	op := unary.Describe()
	if want := "grpc.testing.SimpleRequest"; op.Request.Message.Name != want {
		t.Errorf("the request is %s; want %s", op.Request.Message.Name, want)
	}
	members := func(message string) map[string]any {
		return op.Request.Message.Types[message]["properties"].(map[string]any)
	}
	for _, c := range []struct {
		message, field string
		want           map[string]any
	}{
		{"grpc.testing.SimpleRequest", "response_size", map[string]any{"type": "integer", "x-kind": "int32", "x-number": 2}},
		{"grpc.testing.SimpleRequest", "payload", map[string]any{"$ref": "grpc.testing.Payload", "x-number": 3}},
		{"grpc.testing.SimpleRequest", "fill_username", map[string]any{"type": "boolean", "x-number": 4}},
		{"grpc.testing.SimpleRequest", "response_type", map[string]any{"type": "string", "enum": []any{"COMPRESSABLE = 0"}, "x-number": 1}},
		{"grpc.testing.Payload", "body", map[string]any{"type": "string", "x-kind": "bytes", "x-number": 2}},
	} {
		if got := members(c.message)[c.field]; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s of %s is %v; want %v", c.field, c.message, got, c.want)
		}
	}
}

func TestAFieldSaysOfWhichOneofItIs(t *testing.T) {
	reflection := grpc.BidiStream[*reflectionpb.ServerReflectionRequest, *reflectionpb.ServerReflectionResponse]{Name: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}
	fields := reflection.Describe().Request.Message.Types["grpc.reflection.v1.ServerReflectionRequest"]["properties"].(map[string]any)
	for name, want := range map[string]any{"host": nil, "list_services": "message_request"} {
		if got := fields[name].(map[string]any)["x-oneof"]; got != want {
			t.Errorf("%s is in the oneof %v; want %v", name, got, want)
		}
		for _, keyword := range []string{"x-presence", "x-json-name"} {
			if got := fields[name].(map[string]any)[keyword]; got != nil {
				t.Errorf("%s has %s %v; want none", name, keyword, got)
			}
		}
	}
}

func TestAMapIsDescribedByItsKeysAndValues(t *testing.T) {
	stats := grpc.Method[*testpb.LoadBalancerStatsRequest, *testpb.LoadBalancerStatsResponse]{
		Name: "/grpc.testing.LoadBalancerStatsService/GetClientStats",
	}
	answer := stats.Describe().Answer.Message
	got := answer.Types[answer.Name]["properties"].(map[string]any)["rpcs_by_peer"]
	want := map[string]any{
		"type": "object", "x-number": 1,
		"additionalProperties": map[string]any{"type": "integer", "x-kind": "int32"},
		"propertyNames":        map[string]any{"pattern": "string"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rpcs_by_peer is %v; want %v", got, want)
	}
}

func TestAStreamIsDescribedAsOne(t *testing.T) {
	if op := download.Describe(); op.Request.Stream || !op.Answer.Stream {
		t.Errorf("the request streams: %t, the answer: %t; want the answer alone", op.Request.Stream, op.Answer.Stream)
	}
}
