package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// shop is the whole shop in this process, and what talks to its gateway.
type shop struct {
	testing.TB
	*platform
	http   *http.Client
	remote string // the gateway's URL, where it is not in this process
}

func (s *shop) url() string {
	if s.remote != "" {
		return s.remote
	}
	return s.door()
}

func open(t testing.TB) *shop {
	t.Helper()
	p, err := newPlatform(options{gateway: "127.0.0.1:0", registry: "memory", bus: "memory", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{TB: t, platform: p, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(func() {
		s.http.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.stop(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what the gateway said.
type answer struct {
	status int
	header http.Header
	text   string
	doc    map[string]any
}

func (a answer) get(key string) string { return fmt.Sprint(a.doc[key]) }

// send sends a body as it is, as JSON unless header says otherwise.
func (s *shop) send(method, path, body string, header ...string) answer {
	r, err := http.NewRequest(method, s.url()+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	got, err := s.http.Do(r)
	if err != nil {
		s.Error(err)
		return answer{}
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		s.Error(err)
	}
	a := answer{status: got.StatusCode, header: got.Header, text: string(text)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&a.doc) // a list of nothing, or no JSON at all
	return a
}

// ok is send with the status that is expected.
func (s *shop) ok(status int, method, path, body string, header ...string) answer {
	s.Helper()
	a := s.send(method, path, body, header...)
	if a.status != status {
		s.Fatalf("%s %s %s: %d %s, want %d", method, path, body, a.status, a.text, status)
	}
	return a
}

// refused expects a problem document.
func (s *shop) refused(status int, code, reason, method, path, body string, header ...string) {
	s.Helper()
	a := s.send(method, path, body, header...)
	got, _ := a.doc["reason"].(string)
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || a.get("code") != code || got != reason || a.doc["detail"] == nil {
		s.Errorf("%s %s %.80s: %d %s %s, want %d %s %s", method, path, body, a.status, a.header.Get("Content-Type"), a.text, status, code, reason)
	}
}

func (s *shop) user() string {
	s.Helper()
	return s.ok(201, "POST", "/users", fmt.Sprintf(`{"name":"Ann","email":"ann-%d@example.com","password":"correct horse"}`, time.Now().UnixNano())).get("id")
}

func (s *shop) product(price string, stock int) string {
	s.Helper()
	return s.ok(201, "POST", "/products", fmt.Sprintf(`{"name":"Shirt","sku":"S-1","price":%s,"stock":%d,"min_stock":2,"max_stock":12}`, price, stock)).get("id")
}

func basketOf(user, product string, quantity int) string {
	return fmt.Sprintf(`{"user_id":%q,"items":[{"product_id":%q,"quantity":%d}]}`, user, product, quantity)
}

// becomes waits until the order has the status.
func (s *shop) becomes(order, status string) answer {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if a := s.send("GET", "/orders/"+order, ""); a.get("status") == status {
			return a
		}
	}
	s.Fatalf("order %s never became %s", order, status)
	return answer{}
}

// stock waits until the inventory is as it should be.
func (s *shop) stock(product, quantity, reserved string) {
	s.Helper()
	var a answer
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if a = s.send("GET", "/inventory/"+product, ""); a.get("quantity") == quantity && a.get("reserved") == reserved {
			return
		}
	}
	s.Errorf("inventory of %s is %s, want %s with %s reserved", product, a.text, quantity, reserved)
}

// keys are those of each entity, in order.
var keys = map[string]string{
	"user":      "created_at email id last_login_at name phone preferences profile role status updated_at",
	"profile":   "address avatar date_of_birth first_name last_name phone",
	"order":     "billing created_at currency delivered_at id items metadata payment shipped_at shipping status total_amount updated_at user_id",
	"item":      "id product_id product_name quantity sku total_price unit_price variant",
	"shipping":  "actual_delivery address estimated_delivery method tracking",
	"payment":   "amount currency id method order_id processed_at status transaction_id",
	"paid":      "amount currency method processed_at status transaction_id",
	"address":   "city country postal_code state street",
	"inventory": "available id last_updated location max_level min_level product_id quantity reorder_point reorder_quantity reserved sku status",
	"shipment":  "created_at id order_id status tracking",
}

func (s *shop) keys(entity string, doc any) map[string]any {
	s.Helper()
	m, _ := doc.(map[string]any)
	if got := strings.Join(slices.Sorted(maps.Keys(m)), " "); got != keys[entity] {
		s.Errorf("%s has the keys\n  %s, want\n  %s", entity, got, keys[entity])
	}
	return m
}

func TestUsers(t *testing.T) {
	s := open(t)
	made := s.ok(201, "POST", "/users", `{"name":"Ann","email":"Ann@Example.com","password":"correct horse"}`)
	s.keys("user", made.doc)
	if made.get("role") != "customer" || made.get("status") != "active" || strings.Contains(made.text, "horse") || made.doc["last_login_at"] != nil {
		t.Error(made.text)
	}
	path := "/users/" + made.get("id")
	if got := s.ok(200, "GET", path, ""); got.text != made.text {
		t.Errorf("%s, then %s", made.text, got.text)
	}
	s.refused(409, "already_exists", "", "POST", "/users", `{"name":"B","email":"ann@example.com","password":"correct horse"}`)
	changed := s.ok(200, "PUT", path, strings.Replace(strings.Replace(made.text, `"Ann"`, `"Anna"`, 1), `"active"`, `"suspended"`, 1))
	if changed.get("name") != "Anna" || changed.get("status") != "active" || changed.get("id") != made.get("id") || changed.get("created_at") != made.get("created_at") {
		t.Error(changed.text)
	}
	in := s.ok(200, "POST", "/users/authenticate", `{"email":"ann@example.com","password":"correct horse"}`)
	if in.doc["last_login_at"] == nil {
		t.Error(in.text)
	}
	s.refused(401, "unauthenticated", "", "POST", "/users/authenticate", `{"email":"ann@example.com","password":"wrong horse"}`)
	s.refused(401, "unauthenticated", "", "POST", "/users/authenticate", `{"email":"nobody@example.com","password":"correct horse"}`)
	if got := s.ok(200, "GET", "/users?role=manager", ""); got.text != `{"items":[]}` {
		t.Error(got.text)
	}
	if got := s.ok(200, "GET", "/users?role=customer", ""); len(got.doc["items"].([]any)) != 1 {
		t.Error(got.text)
	}
	s.ok(200, "PUT", path+"/status", `{"status":"suspended"}`)
	s.refused(400, "failed_precondition", "user_not_active", "POST", "/users/authenticate", `{"email":"ann@example.com","password":"correct horse"}`)
	s.refused(400, "invalid_argument", "", "PUT", path+"/status", `{"status":"asleep"}`)
	s.refused(400, "invalid_argument", "", "GET", "/users?role=king", "")
	for _, body := range []string{`{"email":"a@b.c","password":"12345678"}`, `{"name":"x","email":"nobody","password":"12345678"}`, `{"name":"x","email":"a@b.c","password":"1234567"}`} {
		s.refused(400, "invalid_argument", "", "POST", "/users", body)
	}
	if got := s.ok(204, "DELETE", path, ""); got.text != "" {
		t.Error(got.text)
	}
	s.refused(404, "not_found", "", "GET", path, "")
	s.refused(404, "not_found", "", "DELETE", path, "")
}

func TestProductsAndInventory(t *testing.T) {
	s := open(t)
	made := s.ok(201, "POST", "/products", `{"name":"100% Shirt","description":"red_one","sku":"S-1","price":19.99,"stock":5,"min_stock":2,"max_stock":12,"category":"clothes"}`)
	id := made.get("id")
	if made.get("price") != "19.99" || made.get("status") != "active" || made.get("stock") != "5" {
		t.Error(made.text)
	}
	stock := s.ok(200, "GET", "/inventory/"+id, "")
	s.keys("inventory", stock.doc)
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

func TestAnOrderIsPaidShippedAndDelivered(t *testing.T) {
	s := open(t)
	user, product := s.user(), s.product("10.10", 5)
	made := s.ok(201, "POST", "/orders", basketOf(user, product, 3))
	o := s.keys("order", made.doc)
	s.keys("item", o["items"].([]any)[0])
	s.keys("address", s.keys("shipping", o["shipping"])["address"])
	s.keys("paid", o["payment"])
	if made.get("status") != "pending" || made.get("total_amount") != "30.30" || made.doc["metadata"] != nil || made.doc["shipped_at"] != nil {
		t.Error(made.text)
	}
	s.stock(product, "5", "3")
	id := made.get("id")
	s.refused(400, "failed_precondition", "illegal_transition", "PUT", "/orders/"+id+"/status", `{"status":"shipped"}`)
	paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
	s.keys("payment", paid.doc)
	if paid.get("status") != "completed" || paid.get("amount") != "30.30" {
		t.Error(paid.text)
	}
	if got := s.ok(200, "GET", "/payments/"+paid.get("id"), ""); got.text != paid.text {
		t.Errorf("%s, then %s", paid.text, got.text)
	}
	done := s.becomes(id, "delivered")
	if done.doc["shipped_at"] == nil || done.doc["delivered_at"] == nil || done.doc["payment"].(map[string]any)["status"] != "completed" {
		t.Error(done.text)
	}
	shipments := s.ok(200, "GET", "/shipments?order_id="+id, "")
	list := shipments.doc["items"].([]any)
	if len(list) != 1 || s.keys("shipment", list[0])["status"] != "delivered" {
		t.Error(shipments.text)
	}
	s.stock(product, "2", "0")
	s.refused(400, "failed_precondition", "illegal_transition", "POST", "/orders/"+id+"/cancel", "")
	s.refused(400, "failed_precondition", "illegal_transition", "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
	same := s.ok(200, "PUT", "/orders/"+id, strings.Replace(done.text, `"delivered"`, `"pending"`, 1))
	if same.get("status") != "delivered" || same.get("total_amount") != "30.30" {
		t.Error(same.text)
	}
	if got := s.ok(200, "GET", "/orders?user_id="+user, ""); len(got.doc["items"].([]any)) != 1 {
		t.Error(got.text)
	}
}

func TestDeclinedPaymentAndCancelGiveTheStockBack(t *testing.T) {
	s := open(t)
	user, product := s.user(), s.product("0.13", 5)
	declined := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
	paid := s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"credit_card"}`, declined))
	if paid.get("status") != "failed" {
		t.Error(paid.text)
	}
	s.becomes(declined, "cancelled")
	s.stock(product, "5", "0")
	cancelled := s.ok(201, "POST", "/orders", basketOf(user, product, 2)).get("id")
	if got := s.ok(200, "POST", "/orders/"+cancelled+"/cancel", ""); got.get("status") != "cancelled" {
		t.Error(got.text)
	}
	s.stock(product, "5", "0")
}

func TestOrdersThatAreRefused(t *testing.T) {
	s := open(t)
	user, product := s.user(), s.product("1", 5)
	s.refused(400, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 6))
	s.stock(product, "5", "0")
	s.refused(404, "not_found", "", "POST", "/orders", basketOf("nobody", product, 1))
	s.refused(404, "not_found", "", "POST", "/orders", basketOf(user, "nothing", 1))
	s.refused(404, "not_found", "", "POST", "/payments", `{"order_id":"none","method":"paypal"}`)
	s.ok(200, "PUT", "/users/"+user+"/status", `{"status":"inactive"}`)
	s.refused(400, "failed_precondition", "user_not_active", "POST", "/orders", basketOf(user, product, 1))
	for _, body := range []string{`{}`, `{"user_id":"u"}`, `{"user_id":"u","items":[]}`, basketOf(user, product, 0), basketOf(user, product, -1), `{"user_id":"u","items":[{"product_id":"p","quantity":1.5}]}`} {
		s.refused(400, "invalid_argument", "", "POST", "/orders", body)
	}
	s.refused(400, "invalid_argument", "", "POST", "/payments", `{"order_id":"o","method":"shells"}`)
	s.refused(400, "invalid_argument", "", "PUT", "/orders/x/status", `{"status":"lost"}`)
}

func TestTheWireIsStrictAboutBodies(t *testing.T) {
	s := open(t)
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	s.refused(400, "invalid_argument", "", "POST", "/orders", `{"user_id":`)
	s.refused(400, "invalid_argument", "", "POST", "/orders", `{} {}`)
	s.refused(400, "invalid_argument", "", "POST", "/orders", "{\"user_id\":\"\xff\"}")
	s.refused(400, "invalid_argument", "", "POST", "/orders", `{"x":`+deep+`}`)
	s.refused(415, "invalid_argument", "", "POST", "/orders", `{}`, "Content-Type", "text/plain")
	s.refused(415, "invalid_argument", "", "POST", "/orders", `{}`, "Content-Type", "")
	s.refused(413, "invalid_argument", "", "POST", "/orders", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`)
	s.refused(405, "unimplemented", "", "PATCH", "/orders", "")
	s.refused(404, "not_found", "unknown_path", "GET", "/nothing", "")
	s.refused(404, "not_found", "", "GET", "/orders/none", "")
}

func TestIdempotencyKeys(t *testing.T) {
	s := open(t)
	user, product := s.user(), s.product("1", 50)
	for range 2 {
		a := s.ok(201, "POST", "/orders", basketOf(user, product, 1), "Idempotency-Key", "k1")
		b := s.ok(201, "POST", "/orders", basketOf(user, product, 1), "Idempotency-Key", "k1")
		if a.text != b.text {
			t.Errorf("%s, then %s", a.text, b.text)
		}
		pay := fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, a.get("id"))
		if p, q := s.ok(201, "POST", "/payments", pay, "Idempotency-Key", "k2"), s.ok(201, "POST", "/payments", pay, "Idempotency-Key", "k2"); p.text != q.text {
			t.Errorf("%s, then %s", p.text, q.text)
		}
	}
	s.refused(422, "invalid_argument", "key_reused", "POST", "/orders", basketOf(user, product, 2), "Idempotency-Key", "k1")
	if got := s.ok(200, "GET", "/orders?user_id="+user, ""); len(got.doc["items"].([]any)) != 1 {
		t.Error(got.text)
	}
	s.refused(400, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 99), "Idempotency-Key", "k3")
	s.refused(400, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 99), "Idempotency-Key", "k3")
}

func TestPages(t *testing.T) {
	s := open(t)
	doc := s.ok(200, "GET", "/openapi.json", "")
	paths := doc.doc["paths"].(map[string]any)
	for _, path := range []string{"/users/{id}", "/products/{id}/stock", "/inventory/{product_id}/reserve", "/orders/{id}/cancel", "/payments", "/shipments"} {
		if paths[path] == nil {
			t.Errorf("openapi.json lacks %s", path)
		}
	}
	s.ok(200, "GET", "/healthz", "")
	s.ok(200, "GET", "/readyz", "")
	if got := s.ok(200, "GET", "/metrics", ""); !strings.Contains(got.text, "sinew_") {
		t.Error(got.text)
	}
}

func TestUntilAllServicesAreThereTheGatewayIsNotReady(t *testing.T) {
	p, err := newPlatform(options{gateway: "127.0.0.1:0", service: "gateway", registry: "memory", bus: "memory", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error)
	go func() { started <- p.start(ctx) }()
	for p.door() == "" {
		<-time.After(time.Millisecond)
	}
	s := &shop{TB: t, platform: p, http: &http.Client{Transport: &http.Transport{}}}
	s.refused(503, "unavailable", "", "GET", "/readyz", "")
	if a := s.send("GET", "/users", ""); a.status != 503 {
		t.Errorf("%d %s", a.status, a.text)
	}
	cancel()
	<-started
	s.http.CloseIdleConnections()
	if err := p.stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMoneyIsExact(t *testing.T) {
	for text, want := range map[string]string{"19.99": "19.99", "0.1": "0.10", "1e2": "100.00", "1.50e1": "15.00", "-0.01": "-0.01", "90071992547409.93": "90071992547409.93"} {
		var m api.Money
		if err := json.Unmarshal([]byte(text), &m); err != nil || m.String() != want {
			t.Errorf("%s became %s (%v)", text, m, err)
		}
	}
	for _, text := range []string{"0.001", "1e30", "999999999999999999", `"1"`, "true"} {
		var m api.Money
		if err := json.Unmarshal([]byte(text), &m); err == nil {
			t.Errorf("%s became %s", text, m)
		}
	}
}
