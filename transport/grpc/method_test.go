package grpc_test

import (
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
)

func TestAServiceAnswersACall(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	got, err := unary.Endpoint(callerOf(t, svc, sinew.ClientPolicy{}))(t.Context(), &testpb.SimpleRequest{ResponseSize: 7})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.GetPayload().GetBody()); n != 7 {
		t.Errorf("the answer has %d bytes, want 7", n)
	}
}
