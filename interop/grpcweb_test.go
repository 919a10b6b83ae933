package interop_test

import (
	"encoding/base64"
	"os/exec"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/realserver"
)

// filesOf returns a FileDescriptorSet with a file and all that it imports, which come first.
func filesOf(t *testing.T, file protoreflect.FileDescriptor) string {
	t.Helper()
	set, seen := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	add(file)
	text, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestAClientOfGRPCWebOnNodeIsServed(t *testing.T) {
	modules := realserver.NodeModules(t, "SINEW_CONNECT_NODE")
	svc := started(t, func(svc *sinew.Service) { serveTestService(svc) })
	file := testpb.File_grpc_testing_test_proto
	if file == nil {
		t.Fatal("there is no descriptor of the service")
	}
	out, err := exec.CommandContext(t.Context(), "node", "testdata/grpcweb.mjs", modules, svc.URL(), filesOf(t, file)).CombinedOutput() //nolint:gosec // our own program
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "unary: 314\nstream: 3,5\nfailure: NotFound no such thing\nfailed stream: ResourceExhausted too much\n"
	if string(out) != want {
		t.Errorf("the client printed\n%s\nwant\n%s", out, want)
	}
}
