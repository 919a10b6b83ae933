package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestProductsAndInventory(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		made := s.ok(201, "POST", "/products", `{"name":"100% Shirt","description":"red_one","sku":"S-1","price":19.99,"stock":5,"min_stock":2,"max_stock":12,"category":"clothes"}`)
		id := made.get("id")
		if made.get("price") != "19.99" || made.get("status") != "active" || made.get("stock") != "5" {
			t.Error(made.text)
		}
		stock := s.ok(200, "GET", "/inventory/"+id, "")
		entity(t, "Inventory", stock.doc)
		if stock.get("available") != "5" || stock.get("min_level") != "2" || stock.get("status") != "in_stock" {
			t.Error(stock.text)
		}
		for query, want := range map[string]int{"shirt": 1, "SHIRT": 1, "s-1": 1, "red_": 1, "100%25": 1, "r%25d": 0, "s_1": 0, "": 1, "jeans": 0} {
			if got := s.ok(200, "GET", "/products?q="+query, ""); len(got.doc["items"].([]any)) != want {
				t.Errorf("q=%s: %s", query, got.text)
			}
		}
		if got := s.ok(200, "GET", "/products?category=none", ""); got.text != `{"items":[]}` {
			t.Error(got.text)
		}
		changed := s.ok(200, "PUT", "/products/"+id, strings.NewReplacer(`19.99`, `20.00`, `"stock":5`, `"stock":99`).Replace(made.text))
		if changed.get("price") != "20.00" || changed.get("stock") != "5" {
			t.Error(changed.text)
		}
		s.ok(200, "POST", "/inventory/"+id+"/reserve", `{"quantity":3}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/inventory/"+id+"/reserve", `{"quantity":3}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "PUT", "/products/"+id+"/stock", `{"quantity":2}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "PUT", "/inventory/"+id, `{"quantity":2}`)
		low := s.ok(200, "GET", "/inventory?low_stock=true", "")
		if !strings.Contains(low.text, id) {
			t.Error(low.text)
		}
		if got := s.ok(200, "PUT", "/products/"+id+"/stock", `{"quantity":3}`); got.get("stock") != "3" {
			t.Error(got.text)
		}
		if got := s.ok(200, "GET", "/inventory/"+id, ""); got.get("status") != "out_of_stock" {
			t.Error(got.text)
		}
		if got := s.ok(200, "POST", "/inventory/"+id+"/reorder", ""); got.get("quantity") != "12" {
			t.Error(got.text)
		}
		if got := s.ok(200, "POST", "/inventory/"+id+"/release", `{"quantity":3}`); got.get("reserved") != "0" {
			t.Error(got.text)
		}
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/inventory/"+id+"/release", `{"quantity":1}`)
		s.refused(400, "invalid_argument", "", "POST", "/inventory/"+id+"/reserve", `{"quantity":0}`)
		for _, body := range []string{`{"sku":"x","price":1}`, `{"name":"x","price":1}`, `{"name":"x","sku":"x","price":-1}`, `{"name":"x","sku":"x","price":1.999}`, `{"name":"x","sku":"x","price":"1"}`, `{"name":"x","sku":"x","price":1,"stock":-1}`} {
			s.refused(400, "invalid_argument", "", "POST", "/products", body)
		}
		s.ok(204, "DELETE", "/products/"+id, "")
		s.refused(404, "not_found", "", "GET", "/products/"+id, "")
		s.refused(404, "not_found", "", "GET", "/inventory/"+id, "")
		s.refused(404, "not_found", "", "PUT", "/products/"+id+"/stock", `{"quantity":1}`)
	})
}

func TestProductsThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		id := s.product("1", 5)
		for _, piece := range []string{
			`"name":""`, `"name":"  "`, `"sku":" "`, `"price":null`, `"price":-1`, `"price":0.001`, `"min_stock":-1`, `"min_stock":1000000001`, `"max_stock":1000000001`,
			`"weight":-1`, `"dimensions":{"length":-1}`, `"dimensions":{"width":-1}`, `"dimensions":{"height":-1}`,
			`"variants":[{"price":-1}]`, `"variants":[{"stock":-1}]`, `"variants":[{"stock":1000000001}]`, `"status":""`, `"status":"sold"`,
		} {
			body := `{"name":"x","sku":"x","price":1,` + piece + `}`
			s.refused(400, "invalid_argument", "", "POST", "/products", body)
			s.refused(400, "invalid_argument", "", "PUT", "/products/"+id, body)
		}
		for _, body := range []string{`{"name":"x","sku":"x"}`, `{"name":"x","price":1}`, `{"sku":"x","price":1}`} {
			s.refused(400, "invalid_argument", "", "POST", "/products", body)
			s.refused(400, "invalid_argument", "", "PUT", "/products/"+id, body)
		}
		s.ok(200, "PUT", "/products/"+id, `{"name":"x","sku":"x","price":1,"stock":9}`) // the stock is ignored there
		for _, stock := range []string{"-1", "1000000001", "9223372036854775807"} {
			s.refused(400, "invalid_argument", "", "POST", "/products", `{"name":"x","sku":"x","price":1,"stock":`+stock+`}`)
			s.refused(400, "invalid_argument", "", "PUT", "/products/"+id, `{"name":"x","sku":"x","price":1,"stock":`+stock+`}`)
			for _, path := range []string{"PUT /products/" + id + "/stock", "PUT /inventory/" + id, "POST /inventory/" + id + "/reserve", "POST /inventory/" + id + "/release"} {
				method, path, _ := strings.Cut(path, " ")
				s.refused(400, "invalid_argument", "", method, path, `{"quantity":`+stock+`}`)
			}
		}
		s.waitForStock(id, "5", "0")
	})
}

func TestNoMoreIsReorderedThanFits(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		id := s.product("1", 1_000_000_000)
		s.refused(409, "failed_precondition", "too_much_stock", "POST", "/inventory/"+id+"/reorder", "")
		s.waitForStock(id, "1000000000", "0")
	})
}

func TestTheStockOfAProductFollowsItsInventory(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, id := s.user(), s.product("1", 5)
		path := "/products/" + id
		s.ok(200, "PUT", "/inventory/"+id, `{"quantity":7}`)
		s.waitForValue(path, "stock", "7")
		s.ok(200, "POST", "/inventory/"+id+"/reorder", "")
		s.waitForValue(path, "stock", "12")
		s.refused(409, "failed_precondition", "too_much_stock", "POST", "/inventory/"+id+"/reorder", "")
		s.ok(200, "PUT", "/inventory/"+id, `{"quantity":17}`)
		order := s.ok(201, "POST", "/orders", basketOf(user, id, 4)).get("id")
		s.ok(201, "POST", "/payments", `{"order_id":"`+order+`","method":"crypto"}`)
		s.waitForValue(path, "stock", "13")
		if got := s.ok(200, "PUT", path+"/stock", `{"quantity":3}`); got.get("stock") != "3" {
			t.Error(got.text)
		}
	})
}

func TestASearchDoesNotGoAcrossFields(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		s.ok(201, "POST", "/products", `{"name":"one","description":"two","sku":"three","price":1}`)
		for query, want := range map[string]int{"one": 1, "TWO": 1, "hree": 1, "one%0Atwo": 0, "two%0Athree": 0, "onetwo": 0} {
			if got := s.ok(200, "GET", "/products?q="+query, ""); len(items(got)) != want {
				t.Errorf("q=%s: %s", query, got.text)
			}
		}
	})
}

func TestChangesOfOneProductAtOnceLeaveNothingThatDiffers(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		for round := range 10 {
			id := s.product("1", 5)
			var all sync.WaitGroup
			for n := range 4 {
				all.Go(func() {
					s.send("PUT", "/products/"+id, fmt.Sprintf(`{"name":"x","sku":"s%d","price":1,"min_stock":%d}`, n, n))
				})
				all.Go(func() { s.send("PUT", "/products/"+id+"/stock", fmt.Sprintf(`{"quantity":%d}`, n)) })
			}
			if round%2 == 0 {
				all.Go(func() { s.ok(204, "DELETE", "/products/"+id, "") })
			}
			all.Wait()
			if round%2 == 0 {
				s.refused(404, "not_found", "", "GET", "/products/"+id, "")
				s.refused(404, "not_found", "", "GET", "/inventory/"+id, "")
				continue
			}
			product, stock := s.ok(200, "GET", "/products/"+id, ""), s.ok(200, "GET", "/inventory/"+id, "")
			if product.get("stock") != stock.get("quantity") || product.get("min_stock") != stock.get("min_level") || product.get("sku") != stock.get("sku") {
				t.Errorf("%s and %s", product.text, stock.text)
			}
		}
	})
}

func TestReleaseByHandLeavesOrdersTheirPieces(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, id := s.user(), s.product("1", 6)
		release := "/inventory/" + id + "/release"
		order := s.ok(201, "POST", "/orders", basketOf(user, id, 4)).get("id")
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", release, `{"quantity":1}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", release, `{"quantity":1,"reference":"`+order+`"}`)
		s.ok(200, "POST", "/inventory/"+id+"/reserve", `{"quantity":2}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", release, `{"quantity":3}`)
		s.ok(200, "POST", release, `{"quantity":2}`)
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, id, 3))
		s.ok(201, "POST", "/payments", `{"order_id":"`+order+`","method":"paypal"}`)
		s.waitForStatus(order, "delivered")
		s.waitForStock(id, "2", "0")
	})
}

func TestTheGatewayDoesNotExposeInternalRoutes(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		id := s.product("1", 6)
		s.refused(404, "not_found", "unknown_path", "PUT", "/inventory/"+id+"/holds/o-1", `{"quantity":1}`)
		s.refused(404, "not_found", "unknown_path", "DELETE", "/inventory/"+id+"/holds/o-1", "")
		s.refused(404, "not_found", "unknown_path", "PUT", "/inventory/"+id+"/levels", `{}`)
		s.refused(405, "unimplemented", "", "POST", "/inventory", `{}`)
		s.refused(405, "unimplemented", "", "DELETE", "/inventory/"+id, "")
	})
}
