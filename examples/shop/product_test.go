package main

import (
	"strings"
	"testing"
)

func TestProductsAndInventory(t *testing.T) {
	s := open(t)
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
	s.refused(400, "failed_precondition", "insufficient_stock", "POST", "/inventory/"+id+"/reserve", `{"quantity":3}`)
	s.refused(400, "failed_precondition", "insufficient_stock", "PUT", "/products/"+id+"/stock", `{"quantity":2}`)
	s.refused(400, "failed_precondition", "insufficient_stock", "PUT", "/inventory/"+id, `{"quantity":2}`)
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
	if got := s.ok(200, "POST", "/inventory/"+id+"/reorder", ""); got.get("quantity") != "13" {
		t.Error(got.text)
	}
	if got := s.ok(200, "POST", "/inventory/"+id+"/release", `{"quantity":3}`); got.get("reserved") != "0" {
		t.Error(got.text)
	}
	s.refused(400, "failed_precondition", "insufficient_stock", "POST", "/inventory/"+id+"/release", `{"quantity":1}`)
	s.refused(400, "invalid_argument", "", "POST", "/inventory/"+id+"/reserve", `{"quantity":0}`)
	for _, body := range []string{`{"sku":"x","price":1}`, `{"name":"x","price":1}`, `{"name":"x","sku":"x","price":-1}`, `{"name":"x","sku":"x","price":1.999}`, `{"name":"x","sku":"x","price":"1"}`, `{"name":"x","sku":"x","price":1,"stock":-1}`} {
		s.refused(400, "invalid_argument", "", "POST", "/products", body)
	}
	s.ok(204, "DELETE", "/products/"+id, "")
	s.refused(404, "not_found", "", "GET", "/products/"+id, "")
	s.refused(404, "not_found", "", "GET", "/inventory/"+id, "")
	s.refused(404, "not_found", "", "PUT", "/products/"+id+"/stock", `{"quantity":1}`)
}
