package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestTheStatusOfAnOrderIsStreamedThroughTheGatewayAsItChanges(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		id := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
		answer, err := s.http.Get(s.url() + "/orders/" + id + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		next := func() string {
			for lines.Scan() {
				if name, value, _ := strings.Cut(lines.Text(), ": "); name == "id" || name == "event" {
					return value
				}
			}
			return ""
		}
		if got := next(); got != "pending" {
			t.Errorf("at first the order is %s", got)
		}
		s.ok(201, "POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id)) // only now, when pending has arrived
		for _, want := range []string{"confirmed", "processing", "shipped", "delivered", "end"} {
			if got := next(); got != want {
				t.Errorf("then it is %s, want %s", got, want)
			}
		}
	})
}

func TestAStreamOfAnOrderGoesOnAfterTheLastStatusThatWasSeen(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user, product := s.user(), s.product("1", 5)
		id := s.ok(201, "POST", "/orders", basketOf(user, product, 1)).get("id")
		watch := api.WatchOrder.Endpoint(rest.Remote(s.url(), s.http))
		s.ok(200, "POST", "/orders/"+id+"/cancel", "")
		for last, want := range map[api.OrderStatus][]api.OrderStatus{"": {"cancelled"}, "pending": {"cancelled"}, "cancelled": nil} {
			events, err := watch(t.Context(), &api.OrderWatch{ID: id, Last: last})
			if err != nil {
				t.Fatal(err)
			}
			var got []api.OrderStatus
			for e, err := range events {
				if err != nil {
					t.Error(err)
				}
				got = append(got, e.Data.Status)
			}
			if !slices.Equal(got, want) {
				t.Errorf("after %q come %v, want %v", last, got, want)
			}
		}
		events, err := watch(t.Context(), &api.OrderWatch{ID: "o-none"})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range events {
			if !errors.Is(err, fault.NotFound) {
				t.Errorf("of no order comes %v", err)
			}
		}
	})
}

func TestAPictureIsUploadedAndDownloaded(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		product := s.product("1", 5)
		path := "/products/" + product + "/picture"
		s.refused(404, "not_found", "", "GET", path, "")
		s.ok(http.StatusNoContent, "PUT", path, "\x89PNG", "Content-Type", "image/png")
		s.ok(http.StatusNoContent, "PUT", path, "\x89PNG2", "Content-Type", "image/png")
		got := s.ok(200, "GET", path, "")
		if got.text != "\x89PNG2" || got.header.Get("Content-Type") != "image/png" {
			t.Errorf("the picture is %q of type %s", got.text, got.header.Get("Content-Type"))
		}
		s.ok(http.StatusNotModified, "GET", path, "", "If-None-Match", got.header.Get("ETag"))
		if part := s.ok(http.StatusPartialContent, "GET", path, "", "Range", "bytes=1-3"); part.text != "PNG" {
			t.Errorf("bytes 1 to 3 are %q", part.text)
		}
		s.refused(415, "invalid_argument", "", "PUT", path, "<svg>", "Content-Type", "image/svg+xml")
		s.refused(413, "invalid_argument", "", "PUT", path, strings.Repeat("x", 2<<20+1), "Content-Type", "image/png")
		s.refused(404, "not_found", "", "PUT", "/products/p-none/picture", "x", "Content-Type", "image/png")
		s.ok(http.StatusNoContent, "DELETE", "/products/"+product, "")
		s.refused(404, "not_found", "", "GET", path, "")
	})
}
