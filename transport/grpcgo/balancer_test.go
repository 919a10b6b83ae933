package grpcgo_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

// static finds stock at the addresses.
func static(addrs ...string) registry.Discoverer {
	urls := make([]string, 0, len(addrs))
	for _, addr := range addrs {
		urls = append(urls, "http://"+addr)
	}
	return registry.NewStatic(map[string][]string{"stock": urls})
}

// outcome counts the calls that a slow instance got, and those that failed.
type outcome struct{ slow, failures int64 }

// outcomeOf makes calls under a service config. Of four instances one works, one is slow,
// one fails at once, and one refuses connections.
func outcomeOf(t *testing.T, config string) outcome {
	t.Helper()
	var slow, failures atomic.Int64
	slowly := handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		slow.Add(1)
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
		}
		return &testpb.SimpleResponse{}, nil
	}}
	dead := failing(fault.Unavailable.Errorf("the disk is gone"))
	found := static(serve(t, answering, ours()...), serve(t, slowly, ours()...), serve(t, dead, ours()...), closedAddress(t))
	c := plain(t, "sinew:///stock", grpc.WithResolvers(grpcgo.NewResolver(found)), grpc.WithDefaultServiceConfig(config))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 75 {
				if _, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); err != nil {
					failures.Add(1)
				}
			}
		})
	}
	all.Wait()
	return outcome{slow.Load(), failures.Load()}
}

func TestThePoolAvoidsSlowAndDeadInstancesBetterThanTheBalancersOfGRPC(t *testing.T) {
	got := outcomeOf(t, `{"loadBalancingConfig": [{"sinew": {}}]}`)
	robin := outcomeOf(t, `{"loadBalancingConfig": [{"round_robin": {}}]}`)
	least := outcomeOf(t, `{"loadBalancingConfig": [{"least_request_experimental": {"choiceCount": 2}}]}`)
	t.Logf("calls to the slow instance and failures: sinew %v, round_robin %v, least_request %v", got, robin, least)
	if got.slow > robin.slow/2 {
		t.Errorf("the slow instance got %d calls, and %d under round_robin", got.slow, robin.slow)
	}
	if got.failures > robin.failures/2 {
		t.Errorf("%d calls failed, and %d under round_robin", got.failures, robin.failures)
	}
	if got.failures > least.failures/2 {
		t.Errorf("%d calls failed, and %d under least_request", got.failures, least.failures)
	}
}

func TestInstancesComeAndGoWithTheRegistry(t *testing.T) {
	reg := registry.NewMemory()
	register := func(id string, username string) {
		t.Helper()
		addr := serve(t, handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			return &testpb.SimpleResponse{Username: username}, nil
		}}, ours()...)
		if err := reg.Register(t.Context(), registry.Instance{ID: id, Name: "stock", Endpoint: "http://" + addr}); err != nil {
			t.Fatal(err)
		}
	}
	c := plain(t, "sinew:///stock", grpcgo.Client{Name: "stock", Registry: reg}.Options()...)
	// until makes calls until one is answered by the instance, without a failure.
	until := func(username string) {
		t.Helper()
		for t.Context().Err() == nil {
			got, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{})
			if err != nil {
				t.Fatalf("a call failed: %v", err)
			}
			if got.GetUsername() == username {
				return
			}
		}
	}
	register("stock-1", "first")
	until("first")
	register("stock-2", "second")
	until("second")
	if err := reg.Deregister(t.Context(), "stock-2"); err != nil {
		t.Fatal(err)
	}
	until("first")
}

func TestACallToAServiceThatNobodyRunsIsUnavailable(t *testing.T) {
	for name, options := range map[string][]grpc.DialOption{
		"the interceptors": grpcgo.Client{Name: "stock", Registry: static()}.Options(),
		"the balancer": {
			grpc.WithResolvers(grpcgo.NewResolver(static())),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"sinew": {}}]}`),
		},
	} {
		_, err := plain(t, "sinew:///stock", options...).UnaryCall(t.Context(), &testpb.SimpleRequest{})
		if codeOf(err) != fault.Unavailable {
			t.Errorf("with %s the call ends with %v", name, err)
		}
	}
}

func TestABalancerPolicyThatIsWrongIsRefused(t *testing.T) {
	for _, config := range []string{`{"algorithm": "best"}`, `{"no_such_setting": 1}`} {
		_, err := grpc.NewClient("sinew:///stock", grpc.WithResolvers(grpcgo.NewResolver(static())),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"sinew": `+config+`}]}`))
		if err == nil {
			t.Errorf("%s is accepted", config)
		}
	}
}
