package wire_test

import (
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/internal/wire"
)

func TestTheMediaTypeSaysTheFormat(t *testing.T) {
	for kind, want := range map[string]wire.Format{
		"":                           wire.Plain,
		"application/json":           wire.Plain,
		"application/proto":          wire.Plain,
		"application/grpcx":          wire.Plain,
		"application/grpc":           wire.GRPC,
		"application/grpc+proto":     wire.GRPC,
		"Application/GRPC+json":      wire.GRPC,
		"application/grpc-web":       wire.GRPCWeb,
		"application/grpc-web+proto": wire.GRPCWeb,
		"application/connect+json":   wire.ConnectStream,
	} {
		if got := wire.FormatOf(http.Header{"Content-Type": {kind}}); got != want {
			t.Errorf("%q is format %d, want %d", kind, got, want)
		}
	}
}
