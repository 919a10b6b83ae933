package main

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
)

func TestTwoHundredBuyersRaceForFiftyItems(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 50)
		var mu sync.Mutex
		won, lost := 0, 0
		watched := make(chan struct{})
		var watch, race sync.WaitGroup
		watch.Go(func() {
			for {
				select {
				case <-watched:
					return
				default:
				}
				i := s.ok(200, "GET", "/inventory/"+product, "")
				n := func(key string) int { v, _ := strconv.Atoi(i.get(key)); return v }
				if n("quantity") != n("available")+n("reserved") || n("available") < 0 || n("reserved") < 0 {
					t.Errorf("%s", i.text)
				}
			}
		})
		for range 200 {
			race.Go(func() {
				a := s.send("POST", "/orders", basketOf(user, product, 1))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case a.status == 201:
					won++
				case a.status == 409 && a.get("reason") == "insufficient_stock":
					lost++
				default:
					t.Errorf("%d %s", a.status, a.text)
				}
			})
		}
		race.Wait()
		close(watched)
		watch.Wait()
		if won != 50 || lost != 150 {
			t.Errorf("%d won and %d lost", won, lost)
		}
		s.waitForStock(product, "50", "50")
	})
}

func TestFortyCallersAtOnceAreNotRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				for n := range 2 {
					a := s.send("POST", "/users", fmt.Sprintf(`{"name":"x","email":"u%d-%d@example.com","password":"12345678"}`, i, n))
					if a.status != 201 {
						t.Errorf("%d %s", a.status, a.text)
					}
					if a := s.send("GET", "/users/"+a.get("id"), ""); a.status != 200 {
						t.Errorf("%d %s", a.status, a.text)
					}
				}
			})
		}
		all.Wait()
	})
}
