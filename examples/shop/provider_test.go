package main

import (
	"fmt"
	"testing"
)

// The cents of the amount choose what goes wrong at the bank.
func TestAnOrderIsPaidWhateverGoesWrongAtTheBank(t *testing.T) {
	for _, cents := range []int{14, 15, 16, 17} {
		t.Run(fmt.Sprint(cents), func(t *testing.T) {
			virtual(t, func(t *testing.T, s *shop) {
				user, product := s.user(), s.product(fmt.Sprintf("0.%d", cents), 5)
				id := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
				pay := fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id)
				if first := s.send("POST", "/payments", pay, "Idempotency-Key", "k"); first.status != 201 && first.status != 503 {
					t.Errorf("the payment is answered with %d %s", first.status, first.text)
				}
				s.waitForStatus(id, "delivered")
				paid := s.ok(201, "POST", "/payments", pay, "Idempotency-Key", "k")
				if paid.get("status") != "completed" || paid.get("transaction_id") == "" {
					t.Errorf("the repeat is answered with %s", paid.text)
				}
			})
		})
	}
}

func TestAWebhookOfAStrangerIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		for i, svc := range s.services {
			if i == len(backends) || backends[i].name != "payment" {
				continue
			}
			s.remote = svc.URL()
			for _, signature := range []string{"", "t=1,v1=00"} {
				s.refused(401, "unauthenticated", "", "POST", "/webhooks/stripe", `{"type":"payment_intent.succeeded"}`, "Stripe-Signature", signature)
			}
		}
	})
}
