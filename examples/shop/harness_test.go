package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// shop is the whole shop in this process, and a client of its gateway.
type shop struct {
	testing.TB
	*platform
	http   *http.Client
	remote string // the gateway's URL, if it is in another process
}

func (s *shop) url() string {
	if s.remote != "" {
		return s.remote
	}
	return s.gatewayURL()
}

// openAt opens a shop whose gateway has this address.
func openAt(t testing.TB, gateway string) *shop {
	t.Helper()
	return openWith(t, options{gateway: gateway})
}

// openWith opens a shop in memory.
func openWith(t testing.TB, o options) *shop {
	t.Helper()
	o.registry, o.bus, o.log = "memory", "memory", slog.New(slog.DiscardHandler)
	p, err := newPlatform(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{TB: t, platform: p, http: newHTTP()}
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

func newHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

// answer is a response of the gateway.
type answer struct {
	status int
	header http.Header
	text   string
	doc    map[string]any
}

func (a answer) get(key string) string { return fmt.Sprint(a.doc[key]) }

// send is try for a request that must be answered.
func (s *shop) send(method, path, body string, header ...string) answer {
	a, err := s.try(method, path, body, header...)
	if err != nil {
		s.Error(err)
	}
	return a
}

// try sends a body unchanged, as JSON unless header says otherwise.
func (s *shop) try(method, path, body string, header ...string) (answer, error) {
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
		return answer{}, err
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: got.StatusCode, header: got.Header, text: string(text)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&a.doc) // it may be an empty list, or not JSON
	s.checkDocument(method, path, a)
	return a, nil
}

// ok is send with an expected status.
func (s *shop) ok(status int, method, path, body string, header ...string) answer {
	s.Helper()
	a := s.send(method, path, body, header...)
	if a.status != status {
		s.Fatalf("%s %s %s: %d %s, want %d", method, path, body, a.status, a.text, status)
	}
	return a
}

// refused checks for a problem document.
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

// waitForStatus waits until the order has the status.
func (s *shop) waitForStatus(order, status string) answer {
	s.Helper()
	return s.waitForValue("/orders/"+order, "status", status)
}

// waitForValue waits until the document at path has a value.
func (s *shop) waitForValue(path, key, value string) (a answer) {
	s.Helper()
	s.waitUntil(func() bool {
		a = s.send("GET", path, "")
		return a.get(key) == value
	})
	if a.get(key) != value {
		s.Fatalf("%s of %s never became %s: %s", key, path, value, a.text)
	}
	return a
}

// waitUntil waits until holds is true. It waits longer for separate processes, which share
// the machine.
func (s *shop) waitUntil(holds func() bool) {
	s.Helper()
	timeout := 40 * time.Second
	if s.platform == nil {
		timeout = 3 * time.Minute
	}
	for deadline := time.Now().Add(timeout); !holds() && time.Now().Before(deadline); {
		<-time.After(20 * time.Millisecond)
	}
}

// waitForStock waits until the inventory has these numbers.
func (s *shop) waitForStock(product, quantity, reserved string) {
	s.Helper()
	var a answer
	is := func() bool {
		a = s.send("GET", "/inventory/"+product, "")
		return a.get("quantity") == quantity && a.get("reserved") == reserved
	}
	if s.waitUntil(is); !is() {
		s.Errorf("inventory of %s is %s, want %s with %s reserved", product, a.text, quantity, reserved)
	}
}

func items(a answer) []any {
	list, _ := a.doc["items"].([]any)
	return list
}

func count(status map[string]string, want string) (n int) {
	for _, is := range status {
		if is == want {
			n++
		}
	}
	return n
}

// statuses returns the statuses of a user's orders.
func (s *shop) statuses(user string) map[string]string {
	all := map[string]string{}
	for _, doc := range items(s.ok(200, "GET", "/orders?user_id="+user, "")) {
		o := answer{doc: doc.(map[string]any)}
		all[o.get("id")] = o.get("status")
	}
	return all
}
