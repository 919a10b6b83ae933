package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestTheFrontPageLinksToEverything(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		order := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
		front := s.ok(200, "GET", "/", "")
		if kind := front.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
			t.Errorf("it is %s", kind)
		}
		for _, want := range []string{order, user, product, "asks nobody who they are", s.url() + "/payments"} {
			if !strings.Contains(front.text, want) {
				t.Errorf("the front page lacks %s:\n%s", want, front.text)
			}
		}
		seen := 0
		for _, link := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(front.text, -1) {
			s.ok(200, "GET", strings.ReplaceAll(link[1], "&amp;", "&"), "")
			seen++
		}
		if seen < 10 {
			t.Errorf("%d links", seen)
		}
	})
}

func TestTheTraceOfAnOrderCanBeSeen(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		const id = "4bf92f3577b34da6a3ce929d0e0e4736"
		order := s.ok(201, "POST", "/orders", basketOf(user, product, 1), "Traceparent", "00-"+id+"-00f067aa0ba902b7-01").get("id")
		s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, order), "Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		s.waitForStatus(order, "delivered")
		var trace answer
		s.waitUntil(func() bool { // a span is recorded when it has ended
			trace = s.ok(200, "GET", "/traces/"+id, "")
			return strings.Contains(trace.text, "shipment.status")
		})
		for _, want := range []string{"POST /orders", "PUT /inventory/{product_id}/holds/{order_id}", "POST /payments", "order.status", "payment.finished", "shipment.status"} {
			if !strings.Contains(trace.text, want) {
				t.Errorf("the trace lacks %s:\n%s", want, trace.text)
			}
		}
		if list := s.ok(200, "GET", "/traces", ""); !strings.Contains(list.text, "/traces/"+id) {
			t.Errorf("the list of traces lacks it:\n%s", list.text)
		}
		s.refused(404, "not_found", "", "GET", "/traces/none", "")
	})
}
