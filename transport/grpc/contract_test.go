package grpc_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew/transport/grpc"
)

func TestAMethodThatDoesNotFitItsNamePanics(t *testing.T) {
	mux := http.NewServeMux()
	for _, c := range []struct {
		want string
		use  func()
	}{
		{`a name is "/package.Service/Method"`, func() {
			grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "grpc.testing.TestService"}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{`no file that is linked into this program has the service "api.Nothing"`, func() {
			grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "/api.Nothing/Get"}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{`has no method "Nothing"`, func() {
			grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "/grpc.testing.TestService/Nothing"}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{"from grpc.testing.Empty to grpc.testing.Empty, and it is used from grpc.testing.SimpleRequest to grpc.testing.Empty", func() {
			grpc.Method[*testpb.SimpleRequest, *testpb.Empty]{Name: "/grpc.testing.TestService/EmptyCall"}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{"declares it as a ServerStream, not as a Method", func() {
			grpc.Method[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: download.Name}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{"declares it as a Method, not as a BidiStream", func() {
			grpc.BidiStream[*testpb.Empty, *testpb.Empty]{Name: empty.Name}.Endpoint(grpc.Remote("http://a", nil))
		}},
		{"the endpoint that shall serve it is nil", func() { empty.Handle(mux, nil) }},
		{"the function that shall serve it is nil", func() { download.Handle(mux, nil) }},
		{"the caller that shall call it is nil", func() { empty.Endpoint(nil) }},
		{"the mux that shall serve it is nil", func() {
			download.Handle((*http.ServeMux)(nil), func(context.Context, *order) iter.Seq2[*piece, error] { return nil })
		}},
		{"MaxMessage -1 is negative", func() {
			grpc.Method[*testpb.Empty, *testpb.Empty]{Name: empty.Name, MaxMessage: -1}.Endpoint(grpc.Remote("http://a", nil))
		}},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("it says %q, want %q", got, c.want)
				}
			}()
			c.use()
		}()
	}
}
