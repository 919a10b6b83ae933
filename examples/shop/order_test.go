package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"
)

func TestAnOrderIsPaidShippedAndDelivered(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("10.10", 5)
		made := s.ok(201, "POST", "/orders", basketOf(user, product, 3))
		entity(t, "Order", made.doc)
		if made.get("status") != "pending" || made.get("total_amount") != "30.30" || made.doc["metadata"] != nil || made.doc["shipped_at"] != nil {
			t.Error(made.text)
		}
		s.waitForStock(product, "5", "3")
		id := made.get("id")
		s.refused(409, "failed_precondition", "illegal_transition", "PUT", "/orders/"+id+"/status", `{"status":"shipped"}`)
		paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
		entity(t, "Payment", paid.doc)
		if paid.get("status") != "completed" || paid.get("amount") != "30.30" {
			t.Error(paid.text)
		}
		if got := s.ok(200, "GET", "/payments/"+paid.get("id"), ""); got.text != paid.text {
			t.Errorf("%s, then %s", paid.text, got.text)
		}
		done := s.waitForStatus(id, "delivered")
		if done.doc["shipped_at"] == nil || done.doc["delivered_at"] == nil || done.doc["payment"].(map[string]any)["status"] != "completed" {
			t.Error(done.text)
		}
		if took := at(t, done.doc["delivered_at"]).Sub(at(t, paid.doc["processed_at"])); took > 5*time.Second {
			t.Errorf("a paid order took %s to its door", took)
		}
		shipments := s.ok(200, "GET", "/shipments?order_id="+id, "")
		list := shipments.doc["items"].([]any)
		if len(list) != 1 || entity(t, "Shipment", list[0])["status"] != "delivered" {
			t.Error(shipments.text)
		}
		s.waitForStock(product, "2", "0")
		s.refused(409, "failed_precondition", "illegal_transition", "POST", "/orders/"+id+"/cancel", "")
		s.refused(409, "failed_precondition", "illegal_transition", "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
		same := s.ok(200, "PUT", "/orders/"+id, strings.Replace(done.text, `"delivered"`, `"pending"`, 1))
		if same.get("status") != "delivered" || same.get("total_amount") != "30.30" {
			t.Error(same.text)
		}
		if got := s.ok(200, "GET", "/orders?user_id="+user, ""); len(got.doc["items"].([]any)) != 1 {
			t.Error(got.text)
		}
	})
}

func TestDeclinedPaymentAndCancelGiveTheStockBack(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("0.13", 5)
		declined := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
		paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"credit_card"}`, declined))
		if paid.get("status") != "failed" {
			t.Error(paid.text)
		}
		s.waitForStatus(declined, "cancelled")
		s.waitForStock(product, "5", "0")
		cancelled := s.ok(201, "POST", "/orders", basketOf(user, product, 2)).get("id")
		if got := s.ok(200, "POST", "/orders/"+cancelled+"/cancel", ""); got.get("status") != "cancelled" {
			t.Error(got.text)
		}
		s.waitForStock(product, "5", "0")
	})
}

func TestOrdersThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 6))
		s.waitForStock(product, "5", "0")
		s.refused(404, "not_found", "", "POST", "/orders", basketOf("nobody", product, 1))
		s.refused(404, "not_found", "", "POST", "/orders", basketOf(user, "nothing", 1))
		s.refused(404, "not_found", "", "POST", "/payments", `{"order_id":"none","method":"paypal"}`)
		s.ok(200, "PUT", "/users/"+user+"/status", `{"status":"inactive"}`)
		s.refused(409, "failed_precondition", "user_not_active", "POST", "/orders", basketOf(user, product, 1))
		for _, body := range []string{`{}`, `{"user_id":"u"}`, `{"user_id":"u","items":[]}`, basketOf(user, product, 0), basketOf(user, product, -1), `{"user_id":"u","items":[{"product_id":"p","quantity":1.5}]}`} {
			s.refused(400, "invalid_argument", "", "POST", "/orders", body)
		}
		s.refused(400, "invalid_argument", "", "POST", "/payments", `{"order_id":"o","method":"shells"}`)
		s.refused(400, "invalid_argument", "", "PUT", "/orders/x/status", `{"status":"lost"}`)
	})
}

func TestQuantitiesAreAddedUpWithoutOverflow(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, free := s.user(), s.product("0", 5)
		lines := func(quantities ...string) string {
			var all []string
			for _, q := range quantities {
				all = append(all, fmt.Sprintf(`{"product_id":%q,"quantity":%s}`, free, q))
			}
			return fmt.Sprintf(`{"user_id":%q,"items":[%s]}`, user, strings.Join(all, ","))
		}
		for _, body := range []string{
			lines("1000000001"), lines("9223372036854775807"), lines("9223372036854775807", "9223372036854775807", "3"), lines("-9223372036854775808", "5"),
		} {
			s.refused(400, "invalid_argument", "", "POST", "/orders", body)
		}
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", lines("1000000000", "1"))
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", lines("3", "3"))
		s.ok(201, "POST", "/orders", lines("3", "2"))
		s.waitForStock(free, "5", "5")
	})
}

func TestMetadataKeepsItsNumbers(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		order := s.ok(201, "POST", "/orders", basketOf(s.user(), s.product("1", 5), 1))
		path := "/orders/" + order.get("id")
		metadata := `"metadata":{"big":12345678901234567890,"deep":{"n":[9007199254740993,1.10,null]}}`
		changed := s.ok(200, "PUT", path, strings.Replace(order.text, `"metadata":null`, metadata, 1))
		s.holds(changed, metadata)
		s.holds(s.ok(200, "PUT", path, s.ok(200, "GET", path, "").text), metadata)
		s.refused(400, "invalid_argument", "", "PUT", path, strings.Replace(order.text, `"metadata":null`, `"metadata":{"n":1e400}`, 1))
		s.refused(400, "invalid_argument", "", "PUT", path, strings.Replace(order.text, `"metadata":null`, `"metadata":[1]`, 1))
	})
}

func TestMoneyOfAnOrderThatGoesBackIsRefunded(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		id := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
		paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
		s.waitForStatus(id, "delivered")
		back := s.ok(200, "PUT", "/orders/"+id+"/status", `{"status":"refunded"}`)
		if got := back.doc["payment"].(map[string]any)["status"]; got != "refunded" {
			t.Error(back.text)
		}
		s.waitForValue("/payments/"+paid.get("id"), "status", "refunded")
		s.waitForStock(product, "4", "0")
	})
}

// A cancelled order either is not delivered, and its money and stock are returned; or the
// cancel is refused and it is delivered.
func TestACancelledOrderIsNotDelivered(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 1000)
		cancelled, payments := map[string]bool{}, map[string]string{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for n := range 24 {
			all.Go(func() {
				id := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
				paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
				bubble.Sleep(time.Duration(n) * 20 * time.Millisecond)
				took := s.send("POST", "/orders/"+id+"/cancel", "").status == 200
				mu.Lock()
				defer mu.Unlock()
				cancelled[id], payments[id] = took, paid.get("id")
			})
		}
		all.Wait()
		for id, took := range cancelled {
			want, money := "delivered", "completed"
			if took {
				want, money = "cancelled", "refunded"
			}
			s.waitForStatus(id, want)
			s.waitForValue("/payments/"+payments[id], "status", money)
		}
		delivered := count(s.statuses(user), "delivered")
		s.waitForStock(product, fmt.Sprint(1000-delivered), "0")
		for id, took := range cancelled {
			for _, sh := range items(s.ok(200, "GET", "/shipments?order_id="+id, "")) {
				if status := sh.(map[string]any)["status"]; (status == "cancelled") != took {
					t.Errorf("order %s was cancelled: %v, its shipment is %s", id, took, status)
				}
			}
		}
	})
}

func TestBuyersWhoHangUpLeaveNoOrderWithoutItsStock(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 100_000)
		for n := range 100 {
			ctx, hangUp := context.WithTimeout(t.Context(), time.Duration(n)*50*time.Microsecond)
			r, err := http.NewRequestWithContext(ctx, "POST", s.url()+"/orders", strings.NewReader(basketOf(user, product, 1)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if answer, err := s.http.Do(r); err == nil {
				_ = answer.Body.Close()
			}
			hangUp()
		}
		var pending int
		reserved := ""
		s.waitUntil(func() bool {
			pending = count(s.statuses(user), "pending")
			reserved = s.ok(200, "GET", "/inventory/"+product, "").get("reserved")
			return reserved == fmt.Sprint(pending)
		})
		if reserved != fmt.Sprint(pending) {
			t.Errorf("%d orders are pending, %s pieces are reserved", pending, reserved)
		}
	})
}
