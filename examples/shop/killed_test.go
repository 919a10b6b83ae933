//go:build unix

package main

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
)

// shoppers order and pay with idempotency keys, one per order, until the shop is gone.
type shoppers struct {
	mu     sync.Mutex
	orders map[string]string // by key; "" if it was not answered
	all    sync.WaitGroup
}

// orderBy sends the order of a key. Its ID is "" if the key is still in use.
func (s *shop) orderBy(key, user, product string) (id string, err error) {
	body := fmt.Sprintf(`{"user_id":%q,"items":[{"product_id":%q,"quantity":1}],"billing":{"tax_id":%q}}`, user, product, key)
	a, err := s.try("POST", "/orders", body, "Idempotency-Key", key)
	switch {
	case err != nil:
		return "", err
	case a.status == 409 && a.get("reason") == "key_in_use":
		return "", nil
	case a.status != 201:
		return "", fmt.Errorf("order %s: %d %s", key, a.status, a.text)
	}
	return a.get("id"), nil
}

// payBy pays an order with its key, unless the key is still in use.
func (s *shop) payBy(key, order string) error {
	a, err := s.try("POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, order), "Idempotency-Key", "pay-"+key)
	if err == nil && a.status != 201 && a.get("reason") != "key_in_use" {
		err = fmt.Errorf("payment %s: %d %s", key, a.status, a.text)
	}
	return err
}

func (b *shoppers) shop(s *shop, who int, user, product string) {
	for n := 0; ; n++ {
		key := fmt.Sprintf("k-%d-%d", who, n)
		id, err := s.orderBy(key, user, product)
		b.mu.Lock()
		b.orders[key] = id
		b.mu.Unlock()
		if err != nil || s.payBy(key, id) != nil {
			return
		}
	}
}

func (b *shoppers) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.orders)
}

func TestAKeyIsOneOrderAndOnePaymentThoughTheShopIsKilled(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-gateway", "127.0.0.1:0", "-data", dir}
	p := begin(t, args...)
	s := p.waitUntilOpen(t)
	user, product := s.user(), s.product("1", 1_000_000)
	b := shoppers{orders: map[string]string{}}
	for who := range 16 {
		b.all.Go(func() { b.shop(s, who, user, product) })
	}
	s.waitUntil(func() bool { return b.count() > 200 })
	if err := p.Process.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	<-p.ended
	b.all.Wait()
	s.http.CloseIdleConnections()

	p = begin(t, args...)
	s = p.waitUntilOpen(t)
	var again sync.WaitGroup
	turns := make(chan struct{}, 16)
	for key, before := range b.orders {
		turns <- struct{}{}
		again.Go(func() {
			defer func() { <-turns }()
			id, err := s.orderBy(key, user, product)
			if err == nil && id != "" {
				err = s.payBy(key, id)
			}
			if err != nil || before != "" && id != before {
				t.Errorf("%s was order %q and is %q (%v)", key, before, id, err)
			}
		})
	}
	again.Wait()
	live := map[string]int{}
	for _, doc := range items(s.ok(200, "GET", "/orders?user_id="+user, "")) {
		o := doc.(map[string]any)
		if o["status"] != "cancelled" {
			live[o["billing"].(map[string]any)["tax_id"].(string)]++
		}
	}
	for key, n := range live {
		if n > 1 {
			t.Errorf("%s is %d orders", key, n)
		}
	}
	s.http.CloseIdleConnections()
	p.stop(t)
}
