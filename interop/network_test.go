package interop_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

func TestCallsOfGRPCPassThroughANetworkInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network resttest.Network
		defer network.Close()
		var fake resttest.Fake
		serveTestService(&fake)
		network.Serve("test", &fake)
		web := sinew.New("web", sinew.Config{Transport: &network, Static: network.Addresses(), Logger: slog.New(slog.DiscardHandler)})
		defer func() { _ = web.Shutdown(context.Background()) }()
		got, err := unaryCall.Endpoint(web.Client("test"))(t.Context(), &testpb.SimpleRequest{ResponseSize: 5})
		if err != nil || len(got.GetPayload().GetBody()) != 5 {
			t.Errorf("a call is answered with %v, %v", got, err)
		}
		n := 0
		for m, err := range streamingOut.Endpoint(web.Client("test"))(t.Context(), asking(1, 2, 3)) {
			if err != nil || len(m.GetPayload().GetBody()) != n+1 {
				t.Fatalf("message %d is %v, %v", n, m, err)
			}
			n++
		}
		if n != 3 || len(fake.Requests()) != 2 {
			t.Errorf("%d messages arrive, and %d requests are recorded", n, len(fake.Requests()))
		}
	})
}
