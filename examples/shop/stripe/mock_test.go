package stripe_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// mock starts stripe-mock, which checks requests against Stripe's own OpenAPI document.
func mock(t *testing.T) (url string) {
	t.Helper()
	binary := os.Getenv("SINEW_STRIPE_MOCK")
	if binary == "" {
		if os.Getenv("SINEW_REQUIRE_SERVERS") != "" {
			t.Fatal("SINEW_STRIPE_MOCK is not set")
		}
		t.Skip("SINEW_STRIPE_MOCK is not set to the path of stripe-mock")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	server := exec.CommandContext(t.Context(), binary, "-http-addr", addr)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for deadline := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return "http://" + addr
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestStripesOwnMockUnderstandsTheClient(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	url := mock(t)
	payment := &api.Payment{ID: "pay-1", OrderID: "o-1", Amount: 1999, Currency: "USD"}
	provider := stripe.New(rest.Remote(url, client), "sk_test_123")

	// stripe-mock leaves every intent unpaid; its ID shows that the request was accepted.
	id, err := provider.Charge(t.Context(), payment)
	if !strings.HasPrefix(id, "pi_") || !errors.Is(err, fault.Unavailable) {
		t.Errorf("a charge is %q, %v", id, err)
	}
	payment.TransactionID = id
	if err := provider.Refund(t.Context(), payment); err != nil {
		t.Errorf("a refund is %v", err)
	}
	payment.Amount = 0
	if id, err := stripe.New(rest.Remote(url, client), "").Charge(t.Context(), payment); id != "" || !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("without a key a charge is %q, %v", id, err)
	}
}
