package bank_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/bank"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	db, _ := database.Open("", "bank", bank.Schema...)
	defer db.Close()
	svc := sinew.New("bank", sinew.Config{Addr: "127.0.0.1:0"})
	defer svc.Shutdown(context.Background())
	bank.New(svc, db, "sk_test_1", "whsec_1")
	provider := stripe.New(rest.Remote("http://bank", direct(svc.Handler())), "sk_test_1")

	for _, amount := range []api.Money{1999, 1913} {
		_, err := provider.Charge(context.Background(), &api.Payment{ID: amount.String(), Amount: amount, Currency: "USD"})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// failed_precondition: the bank declined 19.13 USD
}

// direct returns a client whose requests h answers.
func direct(h http.Handler) *http.Client { return &http.Client{Transport: transport{h}} }

type transport struct{ http.Handler }

func (h transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// open returns a bank, its API, and a client of it.
func open(t *testing.T) (balance, http.Handler, *stripe.Client) {
	t.Helper()
	db, err := database.Open("", "bank", bank.Schema...)
	if err != nil {
		t.Fatal(err)
	}
	svc := sinew.New("bank", sinew.Config{Addr: "127.0.0.1:0"})
	t.Cleanup(func() {
		if err := errors.Join(svc.Shutdown(context.Background()), db.Close()); err != nil {
			t.Error(err)
		}
	})
	bank.New(svc, db, "sk_test_1", "whsec_1")
	return balance{db}, svc.Handler(), stripe.New(rest.Remote("http://bank", direct(svc.Handler())), "sk_test_1")
}

func (b balance) wants(t *testing.T, cents int64) {
	t.Helper()
	if got, err := bank.Balance(t.Context(), b.DB); got != cents || err != nil {
		t.Errorf("the bank has transferred %d cents, want %d (%v)", got, cents, err)
	}
}

type balance struct{ *sql.DB }

func TestAPaymentIsChargedAndRefundedOnce(t *testing.T) {
	b, _, provider := open(t)
	p := &api.Payment{ID: "pay-1", Amount: 500, Currency: "USD"}
	var ids [2]string
	for i := range ids {
		id, err := provider.Charge(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	if ids[0] != ids[1] {
		t.Errorf("two transactions: %s", ids)
	}
	b.wants(t, 500)
	p.TransactionID = ids[0]
	if err := errors.Join(provider.Refund(t.Context(), p), provider.Refund(t.Context(), p)); err != nil {
		t.Error(err)
	}
	b.wants(t, 0)
}

func TestAKeyBelongsToOnePayment(t *testing.T) {
	b, _, provider := open(t)
	_, first := provider.Charge(t.Context(), &api.Payment{ID: "pay-1", Amount: 500, Currency: "USD"})
	_, second := provider.Charge(t.Context(), &api.Payment{ID: "pay-1", Amount: 600, Currency: "USD"})
	if first != nil || second == nil || errors.Is(second, fault.FailedPrecondition) {
		t.Errorf("first %v, then %v", first, second)
	}
	b.wants(t, 500)
}

func TestTheCentsChooseWhatGoesWrong(t *testing.T) {
	for cents, want := range map[api.Money][2]error{
		13: {fault.FailedPrecondition, fault.FailedPrecondition},
		15: {fault.Internal, nil},
		17: {fault.Unavailable, fault.Unavailable},
	} {
		b, _, provider := open(t)
		p := &api.Payment{ID: "pay-1", Amount: 1900 + cents, Currency: "USD"}
		_, first := provider.Charge(t.Context(), p)
		_, second := provider.Charge(t.Context(), p)
		if !errors.Is(first, want[0]) || !errors.Is(second, want[1]) {
			t.Errorf("%d cents: %v, then %v; want %v", cents, first, second, want)
		}
		if cents == 13 {
			b.wants(t, 0)
		} else {
			b.wants(t, int64(p.Amount))
		}
	}
}

func TestTheFirstAnswerMayTakeThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, provider := open(t)
		p := &api.Payment{ID: "pay-1", Amount: 1914, Currency: "USD"}
		for _, want := range []time.Duration{3 * time.Second, 0} {
			start := time.Now()
			if _, err := provider.Charge(t.Context(), p); err != nil || time.Since(start) != want {
				t.Errorf("answered after %s, want %s (%v)", time.Since(start), want, err)
			}
		}
	})
}

func TestAWrongRequestIsRefusedAsStripeRefusesIt(t *testing.T) {
	_, api, _ := open(t)
	for _, c := range []struct {
		path, key, form, want string
		status                int
	}{
		{"payment_intents", "", "amount=5&currency=usd", "invalid_request_error", 401},
		{"payment_intents", "sk_test_2", "amount=5&currency=usd", "invalid_request_error", 401},
		{"payment_intents", "sk_test_1", "amount=-5&currency=usd", "invalid_request_error", 400},
		{"payment_intents", "sk_test_1", "amount=5", "invalid_request_error", 400},
		{"payment_intents", "sk_test_1", "amount=%zz", "invalid_request_error", 400},
		{"refunds", "sk_test_1", "payment_intent=pi_none", "invalid_request_error", 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/"+c.path, strings.NewReader(c.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+c.key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.path, c.form, w.Code, w.Body, c.status, c.want)
		}
	}
}
