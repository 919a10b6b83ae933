package grpc_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	pb "google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/transport/grpc"
	"github.com/sinew-go/sinew/transport/rest"
)

var (
	PutResource = rest.Route[*pb.ResourceInfo, *pb.ResourceInfo]{Pattern: "PUT /resources/{resource_name}"}
	protobuf    = rest.Codecs{grpc.ProtoJSON(), grpc.Protobuf()} // Config.Codecs of the service, and of its callers
)

// A route whose request and answer are messages of protobuf: JSON for most callers, and
// the binary form for those that ask for it.
func ExampleProtoJSON() {
	ctx := context.Background()
	svc := sinew.New("resources", sinew.Config{
		Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Codecs: protobuf,
	})
	PutResource.Handle(svc, func(_ context.Context, r *pb.ResourceInfo) (*pb.ResourceInfo, error) { return r, nil })
	if err := svc.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = svc.Shutdown(ctx) }()

	r, _ := http.NewRequestWithContext(ctx, http.MethodPut, svc.URL()+"/resources/r-1", strings.NewReader(`{"owner":"ann"}`))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(string(text))

	own, err := PutResource.Endpoint(svc.Client("resources"))(ctx, &pb.ResourceInfo{ResourceName: "r-2", Owner: "bob"})
	fmt.Println(own.GetResourceName(), own.GetOwner(), err)
	// Output:
	// {"resourceName":"r-1","owner":"ann"}
	// r-2 bob <nil>
}
