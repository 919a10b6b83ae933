package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

func TestTheWireIsStrictAboutBodies(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
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
	})
}

func TestWhatCannotBeAnIDIsNotFound(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		for _, id := range []string{"/", ".", "..", "a/b", "%", " ", "a b", "ü", strings.Repeat("x", 101), strings.Repeat("x", 100_000)} {
			s.refused(404, "not_found", "", "POST", "/orders", basketOf(id, product, 1))
			s.refused(404, "not_found", "", "POST", "/orders", basketOf(user, id, 1))
			s.refused(404, "not_found", "", "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id))
			if id == "/" || len(id) > 1000 { // these cannot be an ID in a path
				continue
			}
			at := url.PathEscape(id)
			if strings.Trim(id, ".") == "" {
				at = strings.ReplaceAll(id, ".", "%2E")
			}
			for _, path := range []string{"GET /users/ID", "DELETE /users/ID", "GET /products/ID", "DELETE /products/ID", "PUT /products/ID/stock", "PUT /inventory/ID", "POST /inventory/ID/reserve", "POST /inventory/ID/reorder", "GET /orders/ID", "POST /orders/ID/cancel", "GET /payments/ID"} {
				method, path, _ := strings.Cut(strings.Replace(path, "ID", at, 1), " ")
				body := ""
				if strings.HasSuffix(path, "/stock") || strings.HasSuffix(path, "/reserve") || method == "PUT" {
					body = `{"quantity":1}`
				}
				s.refused(404, "not_found", "", method, path, body)
			}
		}
	})
}

func TestIdempotencyKeys(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
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
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 99), "Idempotency-Key", "k3")
		s.refused(409, "failed_precondition", "insufficient_stock", "POST", "/orders", basketOf(user, product, 99), "Idempotency-Key", "k3")
	})
}

func TestPages(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
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
	})
}

func TestTheGatewayIsReadyWhenAllServicesAre(t *testing.T) {
	p, err := newPlatform(options{gateway: "127.0.0.1:0", service: "gateway", registry: "memory", bus: "memory", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error)
	go func() { started <- p.start(ctx) }()
	for p.gatewayURL() == "" {
		<-time.After(time.Millisecond)
	}
	s := &shop{TB: t, platform: p, http: newHTTP()}
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
