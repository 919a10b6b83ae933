package sinew

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

func stock(t *testing.T) *Client {
	svc := New("shop", Config{Logger: slog.New(slog.DiscardHandler), Static: map[string][]string{"inventory": {"http://10.0.0.1:80"}}})
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc.Client("inventory")
}

func TestAClientCachesABoundedNumberOfOperations(t *testing.T) {
	c := stock(t)
	for i := range 5000 {
		op := call.Operation{Name: fmt.Sprint("GET /", i)}
		if err := c.Call(t.Context(), op, func(context.Context, string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if kept := len(*c.recorders.Load()); kept > maxOperations {
		t.Errorf("%d operations are kept", kept)
	}
	if c.recorder("GET /4998") != c.recorder("GET /4999") {
		t.Error("what is beyond the bound is not counted as one")
	}
}

func TestPoliciesSetAtOnceDoNotMix(t *testing.T) {
	c := stock(t)
	policy := func(n int) ClientPolicy {
		return ClientPolicy{
			Timeout: time.Duration(n) * time.Second, Retry: retry.Policy{Attempts: n},
			Breaker: breaker.Policy{MinCalls: n}, Balance: loadbalance.Policy{Decay: time.Duration(n) * time.Second},
		}
	}
	for range 1000 {
		var both sync.WaitGroup
		for n := 1; n <= 2; n++ {
			both.Go(func() {
				if err := c.Set(policy(n)); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		n := int(time.Duration(c.timeout.Load()) / time.Second)
		if got := c.retrier.Snapshot().Policy.Attempts; got != n {
			t.Fatalf("timeout of policy %d, attempts of %d", n, got)
		}
		if got := c.pool.Snapshot().Policy.Decay; got != time.Duration(n)*time.Second {
			t.Fatalf("timeout of policy %d, decay %s", n, got)
		}
	}
}

func TestEveryLimitOfTheHTTPClientIsSet(t *testing.T) {
	own := stock(t).HTTPClient().Transport.(*http.Transport)
	if own.MaxResponseHeaderBytes == 0 || own.IdleConnTimeout == 0 || own.TLSHandshakeTimeout == 0 || own.DialContext == nil ||
		own.HTTP2 == nil || own.HTTP2.SendPingTimeout == 0 || own.HTTP2.PingTimeout == 0 {
		t.Errorf("%+v", own)
	}
	if own.Proxy != nil {
		t.Error("calls between services go through a proxy")
	}
}
