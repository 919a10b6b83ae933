//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// buyers order and pay piece after piece until the shop is gone.
type buyers struct {
	mu   sync.Mutex
	paid []string
	all  sync.WaitGroup
}

func (b *buyers) buy(s *shop, user, product string) {
	for {
		placed, err := s.try("POST", "/orders", basketOf(user, product, 1))
		if err != nil || placed.status != 201 {
			return
		}
		paid, err := s.try("POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, placed.get("id")))
		if err != nil || paid.status != 201 {
			return
		}
		b.mu.Lock()
		b.paid = append(b.paid, placed.get("id"))
		b.mu.Unlock()
	}
}

func (b *buyers) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.paid)
}

func TestNoPaidOrderIsLostWhenTheShopEndsUnderLoad(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			p := begin(t, "-gateway", "127.0.0.1:0", "-data", dir)
			s := p.waitUntilOpen(t)
			user, product := s.user(), s.product("1", 1_000_000)
			var b buyers
			for range 16 {
				b.all.Go(func() { b.buy(s, user, product) })
			}
			s.waitUntil(func() bool { return b.count() > 200 })
			if err := p.Process.Signal(signal); err != nil {
				t.Error(err)
			}
			<-p.ended
			if signal == syscall.SIGTERM && p.err != nil {
				t.Error(p.err)
			}
			b.all.Wait()
			s.http.CloseIdleConnections()
			p = begin(t, "-gateway", "127.0.0.1:0", "-data", dir)
			s = p.waitUntilOpen(t)
			s.nothingIsLost(b.paid, user, product)
			s.http.CloseIdleConnections()
			p.stop(t)
		})
	}
}

// nothingIsLost checks that what is paid is delivered, and that nothing stays reserved
// after all other orders are cancelled.
func (s *shop) nothingIsLost(paid []string, user, product string) {
	s.Helper()
	var status map[string]string
	s.waitUntil(func() bool {
		status = s.statuses(user)
		for id, now := range status {
			if now == "pending" && !slices.Contains(paid, id) {
				s.send("POST", "/orders/"+id+"/cancel", "") // it may have been paid just before
			}
		}
		return count(status, "delivered")+count(status, "cancelled") == len(status)
	})
	for _, id := range paid {
		if status[id] != "delivered" {
			s.Errorf("paid order %s is %s", id, status[id])
		}
	}
	s.waitForStock(product, fmt.Sprint(1_000_000-count(status, "delivered")), "0")
}

// find returns the first element of a list with this value.
func (s *shop) find(path, key, value string) answer {
	s.Helper()
	for _, doc := range items(s.ok(200, "GET", path, "")) {
		if a := (answer{doc: doc.(map[string]any)}); a.get(key) == value {
			return a
		}
	}
	s.Fatalf("%s has nothing whose %s is %s", path, key, value)
	return answer{}
}

func TestAShopStartsWithAnyStoredData(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-gateway", "127.0.0.1:0", "-data", dir}
	p := begin(t, args...)
	s := p.waitUntilOpen(t)
	s.ok(200, "PUT", "/users/"+s.find("/users", "email", "ann@example.com").get("id")+"/status", `{"status":"suspended"}`)
	s.ok(200, "PUT", "/products/"+s.find("/products", "sku", "SHIRT-RED").get("id")+"/stock", `{"quantity":0}`)
	jeans := "/products/" + s.find("/products", "sku", "JEANS-BLUE").get("id")
	s.ok(200, "PUT", jeans, strings.Replace(s.ok(200, "GET", jeans, "").text, `"USD"`, `"EUR"`, 1))
	s.ok(201, "POST", "/products", `{"name":"Patch","sku":"OLD-SHIRT-RED","price":1}`)
	s.http.CloseIdleConnections()
	p.stop(t)

	p = begin(t, args...)
	s = p.waitUntilOpen(t)
	if got := fmt.Sprint(steps(p.out.String())); got != flow {
		t.Errorf("printed %s\n%s", got, p.out.String())
	}
	s.http.CloseIdleConnections()
	p.stop(t)
}

func TestADemoThatFailsDoesNotCloseTheShop(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-gateway", "127.0.0.1:0", "-data", dir}
	p := begin(t, args...)
	s := p.waitUntilOpen(t)
	jeans := "/products/" + s.find("/products", "sku", "JEANS-BLUE").get("id")
	s.ok(200, "PUT", jeans, strings.Replace(s.ok(200, "GET", jeans, "").text, `49.99`, `50.15`, 1)) // two more shirts make the total 90.13
	s.http.CloseIdleConnections()
	p.stop(t)

	p = begin(t, args...)
	s = p.waitUntilOpen(t)
	s.waitUntil(func() bool { return strings.Contains(p.log.String(), "was cancelled") })
	if got := fmt.Sprint(steps(p.out.String())); got != "[pending cancelled]" {
		t.Errorf("printed %s\n%s", got, p.out.String())
	}
	s.ok(200, "GET", "/readyz", "")
	s.http.CloseIdleConnections()
	p.stop(t)
	begin(t, append(args, "-once")...).checkFailure(t, 1, "was cancelled")
}
