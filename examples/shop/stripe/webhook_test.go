package stripe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/fault"
)

func ExampleReport_Read() {
	now := time.Now()
	report := stripe.Sign("whsec_1", []byte(`{"id":"evt_1","type":"payment_intent.succeeded"}`), now)
	e, err := report.Read("whsec_1", now.Add(time.Second))
	fmt.Println(e.Type, err)
	_, err = report.Read("whsec_2", now)
	fmt.Println(err)
	// Output:
	// payment_intent.succeeded <nil>
	// unauthenticated: Stripe-Signature is not that of the webhook's secret
}

func TestOnlyAGenuineReportIsRead(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	body := []byte(`{"id":"evt_1","type":"payment_intent.succeeded"}`)
	genuine := stripe.Sign("s", body, now)
	mac := genuine.Signature[strings.Index(genuine.Signature, "v1="):]
	for signature, want := range map[string]error{
		genuine.Signature:                   nil,
		"t=1800000000,v1=00," + mac:         nil, // a secret is being replaced
		"t=1800000000," + mac + ",v0=abc,x": nil,
		"":                                  fault.Unauthenticated,
		"t=1800000000":                      fault.Unauthenticated,
		"t=1800000000,v1=":                  fault.Unauthenticated,
		"t=1800000000,v1=zz":                fault.Unauthenticated,
		"t=1800000001," + mac:               fault.Unauthenticated,
		"t=x," + mac:                        fault.Unauthenticated,
		stripe.Sign("other", body, now).Signature:                 fault.Unauthenticated,
		stripe.Sign("s", body[1:], now).Signature:                 fault.Unauthenticated,
		stripe.Sign("s", body, now.Add(-6*time.Minute)).Signature: fault.Unauthenticated,
		stripe.Sign("s", body, now.Add(6*time.Minute)).Signature:  fault.Unauthenticated,
	} {
		e, err := (&stripe.Report{Signature: signature, Body: body}).Read("s", now)
		if !errors.Is(err, want) || (err == nil) != (e.ID == "evt_1") {
			t.Errorf("%q: %+v, %v; want %v", signature, e, err, want)
		}
	}
	if _, err := stripe.Sign("s", []byte(`{`), now).Read("s", now); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a genuine report that is no JSON: %v", err)
	}
}

func FuzzReport(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	f.Add(stripe.Sign("s", []byte(`{}`), now).Signature, []byte(`{}`))
	f.Add("t=1800000000,v1=00,,=,v1", []byte(`{"data":{"object":{"metadata":null}}}`))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		_, err := (&stripe.Report{Signature: signature, Body: body}).Read("s", now)
		if err == nil && !strings.Contains(signature, "v1=") {
			t.Errorf("%q is no signature", signature)
		}
		if _, err := stripe.Sign("s", body, now).Read("s", now); err != nil && !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a genuine report of %q: %v", body, err)
		}
	})
}
