//go:build unix

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/audit"
	"github.com/sinew-go/sinew/examples/shop/bank"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/order"
	"github.com/sinew-go/sinew/internal/realserver"
)

// chaos is how much is tried: make chaos tries more.
func chaos() (orders, kills int) {
	if n, err := strconv.Atoi(os.Getenv("SINEW_CHAOS")); err == nil {
		return n, max(n/50, 3)
	}
	return 16, 3
}

// The money at the bank, the stock, the orders and the events agree on each stack, while
// whole processes and servers are killed at random, the bank declines, stalls, loses answers
// and sends webhooks twice, and buyers change their minds. The broker comes up last.
func TestMoneyStockAndOrdersAgreeWhateverIsKilled(t *testing.T) {
	all := []string{"gateway", "user", "inventory", "product", "bank", "order", "order", "payment", "audit", "logistics"}
	for name, open := range map[string]func(t *testing.T) *victims{
		"SQLite": func(t *testing.T) *victims {
			return &victims{at: t.TempDir(), services: []string{""}}
		},
		"NATS": func(t *testing.T) *victims {
			nats, consul := realserver.NATS(t), realserver.Consul(t)
			return &victims{at: t.TempDir(), services: all, servers: []*realserver.Server{nats},
				flags: []string{"-registry", "consul", "-consul", consul.Addr, "-bus", "nats", "-nats", nats.Addr}}
		},
		"Kafka": func(t *testing.T) *victims {
			kafka, postgres, temporal, consul := realserver.Kafka(t), realserver.Postgres(t), realserver.Temporal(t), realserver.Consul(t)
			return &victims{at: postgres.Addr, services: all, servers: []*realserver.Server{kafka, postgres, temporal},
				flags: []string{"-registry", "consul", "-consul", consul.Addr, "-bus", "kafka", "-kafka", kafka.Addr, "-saga", "temporal", "-temporal", temporal.Addr}}
		},
	} {
		t.Run(name, func(t *testing.T) { open(t).agree(t) })
	}
}

// victims are what is killed.
type victims struct {
	at       string   // the database
	services []string // one process each; "" is all services
	flags    []string
	servers  []*realserver.Server

	gateway   string
	mu        sync.Mutex
	processes []*process
}

func (v *victims) begin(t *testing.T, i int) {
	t.Helper()
	where := "-data"
	if strings.HasPrefix(v.at, "postgres") {
		where = "-db"
	}
	args := append([]string{"-gateway", v.gateway, where, v.at}, v.flags...)
	if v.services[i] != "" {
		args = append(args, "-service", v.services[i])
	}
	p := begin(t, args...)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.processes[i] = p
}

// kill kills one process or server, and starts it again.
func (v *victims) kill(t *testing.T) {
	n := rand.N(len(v.services) + len(v.servers))
	if n < len(v.servers) {
		v.servers[n].Kill()
		<-time.After(rand.N(2 * time.Second))
		v.servers[n].Start()
		return
	}
	n -= len(v.servers)
	_ = v.processes[n].Process.Signal(syscall.SIGKILL)
	<-v.processes[n].ended
	<-time.After(rand.N(time.Second))
	v.begin(t, n)
}

func (v *victims) agree(t *testing.T) {
	orders, kills := chaos()
	v.gateway, v.processes = freeAddr(t), make([]*process, len(v.services))
	if len(v.servers) > 0 {
		v.servers[0].Kill()
	}
	for i := range v.services {
		v.begin(t, i)
	}
	if len(v.servers) > 0 {
		v.servers[0].Start()
	}
	s := &shop{TB: t, remote: "http://" + v.gateway, http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	defer s.http.CloseIdleConnections()
	s.waitUntilReady()
	user := s.user()
	products := map[int]string{}
	for cents := range 18 { // those of 13 and more go wrong at the bank
		products[cents] = s.product(fmt.Sprintf("1.%02d", cents), 1_000_000)
	}

	var done, next atomic.Int64
	var buyers, killer sync.WaitGroup
	ids := make([]string, orders)
	for range 4 {
		buyers.Go(func() {
			for n := next.Add(1) - 1; n < int64(orders); n = next.Add(1) - 1 {
				ids[n] = s.buy(fmt.Sprint(n), user, products[rand.N(18)])
				done.Add(1)
			}
		})
	}
	killer.Go(func() {
		for k := range kills {
			for done.Load() < int64(orders*k/kills) {
				<-time.After(20 * time.Millisecond)
			}
			<-time.After(rand.N(time.Second))
			v.kill(t)
		}
	})
	buyers.Wait()
	killer.Wait()
	s.waitUntilReady()
	if unique := map[string]bool{}; !t.Failed() {
		for _, id := range ids {
			unique[id] = true
		}
		if len(unique) != orders {
			t.Errorf("%d orders are %d", orders, len(unique))
		}
	}
	v.checkAgreement(s, ids, user, products)
	for _, p := range v.processes {
		p.stop(t)
		if len(v.services) > 1 && (p.out.String() != "" || !strings.Contains(p.log.String(), noQuestions)) {
			t.Errorf("%v shows %s and logs %s", p.Args[1:], p.out.String(), p.log.String())
		}
	}
}

// buy orders a piece with a key, and pays or cancels the order, until both are answered.
func (s *shop) buy(key, user, product string) (id string) {
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if id == "" {
			if id, _ = s.orderBy(key, user, product); id == "" {
				continue
			}
		}
		if key[len(key)-1] == '7' { // this buyer has changed his mind
			if a, err := s.try("POST", "/orders/"+id+"/cancel", ""); err == nil && a.status == 200 {
				return id
			}
			continue
		}
		a, err := s.try("POST", "/payments", fmt.Sprintf(`{"order_id":%q,"method":"paypal"}`, id), "Idempotency-Key", "pay-"+key)
		if err == nil && (a.status == 201 || a.status == 409 && a.get("reason") == "illegal_transition") {
			return id
		}
	}
	s.Errorf("order %s was not answered", key)
	return id
}

// waitUntilReady waits until the gateway and what is behind it are ready.
func (s *shop) waitUntilReady() {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		answer, err := s.http.Get(s.remote + "/readyz")
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == 200 {
			return
		}
	}
	s.Fatal("the shop never got ready")
}

// checkAgreement waits until every order is over, and compares all that is known of them.
func (v *victims) checkAgreement(s *shop, ids []string, user string, products map[int]string) {
	s.Helper()
	var says string
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-time.After(500 * time.Millisecond) {
		if says = v.disagreement(s, ids, user, products); says == "" {
			return
		}
	}
	s.Error(says)
}

// disagreement says what does not agree, or is not over. The orders of the demonstration are
// among all orders, and may wait to be paid.
func (v *victims) disagreement(s *shop, ids []string, user string, products map[int]string) string {
	a, err := s.try("GET", "/orders", "")
	var list api.List[*api.Order]
	if err == nil {
		err = json.Unmarshal([]byte(a.text), &list)
	}
	if err != nil || a.status != 200 {
		return fmt.Sprintf("the orders are answered with %d %v", a.status, err)
	}
	total, bought, status := api.Money(0), map[string]int{}, map[api.OrderStatus]int{}
	for _, o := range list.Items {
		if o.Status == api.OrderDelivered {
			total += o.TotalAmount
			for _, item := range o.Items {
				bought[item.ProductID] += item.Quantity
			}
		}
		if o.UserID != user {
			continue
		}
		status[o.Status]++
		if o.Status != api.OrderCancelled && !slices.Contains(ids, o.ID) {
			return fmt.Sprintf("nobody was told of order %s, which is %s", o.ID, o.Status)
		}
	}
	if over := status[api.OrderDelivered] + status[api.OrderCancelled]; over < len(ids) || len(status) > 2 {
		return fmt.Sprintf("not all of %d orders are over: %v", len(ids), status)
	}
	return cmp.Or(v.bankDisagrees(total), v.eventsDisagree(total, bought), v.ordersDisagree(total, bought), stockDisagrees(s, bought, products))
}

func (v *victims) bankDisagrees(total api.Money) string {
	db, err := database.Open(v.at, "bank")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	if cents, err := bank.Balance(context.Background(), db); err != nil || api.Money(cents) != total {
		return fmt.Sprintf("the bank has transferred %s, and what was delivered costs %s (%v)", api.Money(cents), total, err)
	}
	return ""
}

func (v *victims) eventsDisagree(total api.Money, bought map[string]int) string {
	db, err := database.Open(v.at, "audit")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	if report, err := audit.Of(context.Background(), db); err != nil || report.Money != total || !maps.Equal(report.Sold, bought) {
		return fmt.Sprintf("the events say %+v (%v), and %v was delivered for %s", report, err, bought, total)
	}
	return ""
}

func (v *victims) ordersDisagree(total api.Money, bought map[string]int) string {
	db, err := database.Open(v.at, "order")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	if money, shipped, err := order.Sold(context.Background(), db); err != nil || money != total || !maps.Equal(shipped, bought) {
		return fmt.Sprintf("the events of orders say %v for %s (%v), and %v was delivered for %s", shipped, money, err, bought, total)
	}
	return ""
}

func stockDisagrees(s *shop, bought map[string]int, products map[int]string) string {
	for _, id := range products {
		stock, err := s.try("GET", "/inventory/"+id, "")
		if err != nil || stock.get("reserved") != "0" || stock.get("quantity") != fmt.Sprint(1_000_000-bought[id]) {
			return fmt.Sprintf("%d pieces of product %s were delivered, and its stock is %s (%v)", bought[id], id, stock.text, err)
		}
	}
	return ""
}
