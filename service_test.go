package sinew_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// local is c on a free port of this machine, quiet.
func local(c sinew.Config) sinew.Config {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	c.Logger = quiet
	return c
}

func start(t testing.TB, svc *sinew.Service) *sinew.Service {
	t.Helper()
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return svc
}

func inventory(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("inventory", local(c))
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	return start(t, svc)
}

func client(t testing.TB, c sinew.Config) *sinew.Service {
	t.Helper()
	svc := sinew.New("shop", local(c))
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

func get(t testing.TB, url string) (int, http.Header, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func TestPagesThatEveryServiceHas(t *testing.T) {
	svc := inventory(t, sinew.Config{Version: "1.4.0"})
	if _, err := api.GetStock.Endpoint(rest.At(svc.URL(), nil))(t.Context(), &StockRequest{ProductID: "p-1"}); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{
		"/healthz": `"ok"`, "/readyz": `"ready"`, "/openapi.json": `"/inventory/{product_id}/reserve"`,
		"/metrics": `sinew_server_requests_total{code="ok",operation="GET /inventory/{product_id}",service="inventory"} 1`,
	} {
		if status, _, body := get(t, svc.URL()+page); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", page, status, body)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/inventory/p-1/reserve": 405} {
		if status, header, body := get(t, svc.URL()+path); status != want || header.Get("Content-Type") != fault.ProblemType {
			t.Errorf("%s: %d %s %s", path, status, header, body)
		}
	}
}

func TestAdminPagesMoveToAnAddressOfTheirOwn(t *testing.T) {
	admin := freeAddr(t)
	svc := inventory(t, sinew.Config{Admin: admin})
	for page, want := range map[string]int{"/metrics": 404, "/readyz": 404, "/inventory/p-1": 200} {
		if status, _, _ := get(t, svc.URL()+page); status != want {
			t.Errorf("%s on Addr: %d", page, status)
		}
	}
	for page, want := range map[string]int{"/metrics": 200, "/readyz": 200, "/inventory/p-1": 404} {
		if status, _, _ := get(t, "http://"+admin+page); status != want {
			t.Errorf("%s on Admin: %d", page, status)
		}
	}
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestMetricsAreForThisMachineAlone(t *testing.T) {
	h := client(t, sinew.Config{}).Handler()
	for from, want := range map[string]int{"127.0.0.1:5": 200, "192.0.2.77:5": 403} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d", from, w.Code)
		}
	}
}

func TestStartRefusesWhatCannotWorkNamingTheSetting(t *testing.T) {
	taken := inventory(t, sinew.Config{})
	for want, c := range map[string]sinew.Config{
		"Config.Addr":      {Addr: strings.TrimPrefix(taken.URL(), "http://")},
		"nowhere":          {Addr: "nowhere"},
		"Config.Advertise": {Advertise: "0.0.0.0:80"},
		"no host:port":     {Advertise: "host"},
		"Config.Admin":     {Admin: strings.TrimPrefix(taken.URL(), "http://")},
	} {
		svc := sinew.New("x", local(c))
		if err := svc.Start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	remote := struct{ registry.Registry }{registry.NewMemory()} // not the one of this process, for all the service knows
	svc := sinew.New("x", local(sinew.Config{Registry: remote}))
	err := svc.Start(t.Context())
	if own := hasOwnAddress(); own && (err == nil || !strings.Contains(err.Error(), "Config.Advertise")) {
		t.Errorf("loopback went into a registry that others read: %v", err)
	}
	_ = svc.Shutdown(t.Context())
}

func hasOwnAddress() bool {
	all, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		ip, _, err := net.ParseCIDR(a.String())
		return err == nil && ip.IsGlobalUnicast()
	})
}

// steps is a registry, and a record of what happened in which order.
type steps struct {
	registry.Registry
	mu   sync.Mutex
	all  []string
	once sync.Once
	gone chan struct{} // closed when it deregisters
}

func (s *steps) note(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, step)
}

func (s *steps) Register(ctx context.Context, i registry.Instance) error {
	s.note("register")
	return s.Registry.Register(ctx, i)
}

func (s *steps) Deregister(ctx context.Context, id string) error {
	s.note("deregister")
	s.once.Do(func() { close(s.gone) })
	return s.Registry.Deregister(ctx, id)
}

func TestOrderOfStartAndStop(t *testing.T) {
	s := &steps{Registry: registry.NewMemory(), gone: make(chan struct{})}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer func() { _ = bus.Close(context.Background()) }()
	entered, leave := make(chan struct{}), make(chan struct{})
	addr := freeAddr(t)
	svc := sinew.New("inventory", sinew.Config{Addr: addr, Advertise: addr2(t), Registry: s, Bus: bus, Logger: quiet, DrainDelay: time.Second})
	rest.Route[rest.None, rest.None]{Pattern: "GET /slow"}.Handle(svc, func(context.Context, rest.None) (rest.None, error) {
		close(entered)
		<-leave
		s.note("request ended")
		return rest.None{}, nil
	})
	handling := make(chan struct{})
	_ = api.LowStock.Handle(svc, "g", func(context.Context, StockEvent) error {
		close(handling)
		<-leave
		s.note("event ended")
		return nil
	})
	svc.Go(func(ctx context.Context) {
		<-ctx.Done()
		s.note("job ended")
	})
	var ready atomic.Bool
	svc.Ready("database", func(context.Context) error {
		if ready.CompareAndSwap(false, true) {
			return errors.New("not yet")
		}
		s.note("ready")
		return nil
	})
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := api.LowStock.Publish(t.Context(), svc, StockEvent{}); err != nil {
		t.Fatal(err)
	}
	request := make(chan int)
	go func() {
		status, _, _ := get(t, "http://"+addr+"/slow")
		request <- status
	}()
	<-entered
	<-handling
	done := make(chan error)
	go func() { done <- svc.Shutdown(t.Context()) }()
	for { // it still answers, and says that it will not for long
		status, header, _ := get(t, "http://"+addr+"/readyz")
		if header.Get("Connection") == "close" || status == 503 {
			break
		}
	}
	<-s.gone
	close(leave)
	if got := <-request; got != 204 {
		t.Errorf("the request in flight got %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	all := slices.Compact(s.all)
	at := func(step string) int { return slices.Index(all, step) }
	if all[0] != "ready" || at("register") != 1 || at("deregister") < 0 || at("job ended") != len(all)-1 ||
		at("deregister") > at("request ended") || at("event ended") > at("job ended") || at("event ended") < 0 {
		t.Errorf("order: %v", all)
	}
	if _, err := http.Get("http://" + addr + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}

// addr2 is an address that the service may advertise whatever its registry.
func addr2(testing.TB) string { return "inventory.internal:80" }

func TestServiceLeavesTheRegistryWhileItIsNotReady(t *testing.T) {
	reg := registry.NewMemory()
	var broken atomic.Bool
	svc := sinew.New("inventory", local(sinew.Config{Registry: reg}))
	svc.Ready("database", func(context.Context) error {
		if broken.Load() {
			return errors.New("away")
		}
		return nil
	})
	start(t, svc)
	seen := func(n int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for instances := range reg.Watch(ctx, "inventory") {
			if len(instances) == n {
				return
			}
		}
		t.Fatalf("never %d instances", n)
	}
	seen(1)
	broken.Store(true)
	seen(0)
	if status, _, body := get(t, svc.URL()+"/readyz"); status != 503 || !strings.Contains(body, "database") || strings.Contains(body, "away") {
		t.Errorf("%d %s", status, body)
	}
	broken.Store(false)
	seen(1)
}

func TestNoCallFailsWhileInstancesComeAndGo(t *testing.T) {
	reg := registry.NewMemory()
	steady := inventory(t, sinew.Config{Registry: reg})
	_ = steady
	shop := client(t, sinew.Config{Registry: reg})
	reserve := api.Reserve.Endpoint(shop.Client("inventory"))
	get := api.GetStock.Endpoint(shop.Client("inventory"))
	ctx, cancel := context.WithCancel(t.Context())
	var calls, failed atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				_, err1 := reserve(t.Context(), &ReserveRequest{ProductID: "p-1", Quantity: 1})
				_, err2 := get(t.Context(), &StockRequest{ProductID: "p-1"})
				calls.Add(2)
				if err := errors.Join(err1, err2); err != nil {
					failed.Add(1)
					t.Log(err)
				}
			}
		})
	}
	for range 5 {
		svc := inventory(t, sinew.Config{Registry: reg})
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	load.Wait()
	if failed.Load() > 0 || calls.Load() == 0 {
		t.Errorf("%d of %d calls failed", failed.Load(), calls.Load())
	}
}

func TestTracesMetricsAndRequestIdsGoAlongThreeHops(t *testing.T) {
	reg := registry.NewMemory()
	spans := &tracing.Recorder{}
	inventory(t, sinew.Config{Registry: reg, Tracer: spans})
	order := sinew.New("order", local(sinew.Config{Registry: reg, Tracer: spans}))
	reserve := api.Reserve.Endpoint(order.Client("inventory"))
	rest.Route[rest.None, *Inventory]{Pattern: "POST /orders"}.Handle(order, func(ctx context.Context, _ rest.None) (*Inventory, error) {
		if call := endpoint.CallOf(ctx); call.RequestID != "r-1" || call.From != "shop" {
			t.Errorf("order got %+v", call)
		}
		return reserve(ctx, &ReserveRequest{ProductID: "p-1", Quantity: 1})
	})
	start(t, order)
	shop := client(t, sinew.Config{Registry: reg, Tracer: spans})
	ctx, _ := endpoint.WithCall(t.Context(), endpoint.Call{RequestID: "r-1"})
	if _, err := (rest.Route[rest.None, *Inventory]{Pattern: "POST /orders"}).Endpoint(shop.Client("order"))(ctx, rest.None{}); err != nil {
		t.Fatal(err)
	}
	var all []tracing.Finished
	for deadline := time.Now().Add(5 * time.Second); len(all) < 4 && time.Now().Before(deadline); all = spans.Spans() { // the outermost server span ends after its answer
		<-time.After(time.Millisecond)
	}
	if len(all) != 4 {
		t.Fatalf("%d spans, want 4: %+v", len(all), all)
	}
	byID := map[tracing.SpanID]tracing.Finished{}
	for _, s := range all {
		byID[s.SpanID] = s
	}
	var names []string
	for _, s := range all {
		if s.Name == "POST /inventory/{product_id}/reserve" && s.Kind == tracing.Server {
			for ok := true; ok; s, ok = byID[s.ParentID] {
				names = append(names, s.Kind.String()+" "+s.Name)
			}
		}
		if s.TraceID != all[0].TraceID && s.Name != "" {
			t.Errorf("another trace: %+v", s)
		}
	}
	want := []string{"server POST /inventory/{product_id}/reserve", "client POST /inventory/{product_id}/reserve", "server POST /orders", "client POST /orders"}
	if !slices.Equal(names, want) {
		t.Errorf("from the inside out: %v", names)
	}
}

func TestClientRepeatsOnAnotherInstanceAndOpensItsBreaker(t *testing.T) {
	var good, bad atomic.Int64
	answer := func(n *atomic.Int64, status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{}`))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	shop := client(t, sinew.Config{
		Static:  map[string][]string{"inventory": {answer(&good, 200), answer(&bad, 503)}, "broken": {answer(&bad, 500)}},
		Clients: map[string]sinew.ClientPolicy{"broken": {Breaker: breaker.Consecutive, Retry: retry.Policy{Disabled: true}}},
	})
	get := api.GetStock.Endpoint(shop.Client("inventory"))
	for range 50 {
		if _, err := get(t.Context(), &StockRequest{ProductID: "p-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if bad.Load() == 0 || good.Load() != 50 {
		t.Errorf("%d good and %d bad attempts", good.Load(), bad.Load())
	}
	bad.Store(0)
	get = api.GetStock.Endpoint(shop.Client("broken"))
	var err error
	for range 20 {
		_, err = get(t.Context(), &StockRequest{ProductID: "p-1"})
	}
	var f *fault.Error
	if bad.Load() != 5 || !errors.As(err, &f) || f.Reason != "breaker_open" || !strings.Contains(f.Message, "broken") {
		t.Errorf("%d attempts, %v", bad.Load(), err)
	}
	if err := shop.Client("broken").Set(sinew.ClientPolicy{Timeout: -1}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("an invalid policy: %v", err)
	}
}

func TestClientOfNobodyNamesTheService(t *testing.T) {
	shop := client(t, sinew.Config{})
	_, err := api.GetStock.Endpoint(shop.Client("nobody"))(t.Context(), &StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "nobody") {
		t.Error(err)
	}
	if err := shop.Client("nobody").Ready(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestCallsHaveADeadlineThatIsOurOwn(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	shop := client(t, sinew.Config{
		Static:  map[string][]string{"inventory": {hang.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: 50 * time.Millisecond}},
	})
	_, err := api.GetStock.Endpoint(shop.Client("inventory"))(t.Context(), &StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.DeadlineExceeded) || fault.Classify(t.Context(), err) != fault.Failure {
		t.Error(err)
	}
}

func TestTLSAtBothEnds(t *testing.T) {
	source := httptest.NewTLSServer(nil)
	defer source.Close()
	pool := source.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	reg := registry.NewMemory()
	both := &tls.Config{Certificates: source.TLS.Certificates, RootCAs: pool, MinVersion: tls.VersionTLS12}
	svc := inventory(t, sinew.Config{Registry: reg, TLS: both})
	shop := client(t, sinew.Config{Registry: reg, TLS: both})
	got, err := api.GetStock.Endpoint(shop.Client("inventory"))(t.Context(), &StockRequest{ProductID: "p-1"})
	if err != nil || got.Available != 10 || !strings.HasPrefix(svc.URL(), "https://") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestUseWrapsEverythingAndHandlerNeedsNoSocket(t *testing.T) {
	svc := sinew.New("inventory", local(sinew.Config{}))
	defer func() { _ = svc.Shutdown(context.Background()) }()
	api.GetStock.Handle(svc, stock.Get)
	var order []string
	wrap := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				next.ServeHTTP(w, r)
			})
		}
	}
	svc.Use(wrap("outer"), wrap("inner"))
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/inventory/p-1", nil))
	if w.Code != 200 || !slices.Equal(order, []string{"outer", "inner"}) {
		t.Errorf("%d %v", w.Code, order)
	}
}

func TestForeignHandlerThatPanicsIs500(t *testing.T) {
	svc := client(t, sinew.Config{})
	svc.Handle("GET /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") }))
	w := httptest.NewRecorder()
	svc.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/panic", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != fault.ProblemType {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEventsCarryTheTrace(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	spans := &tracing.Recorder{}
	svc := sinew.New("inventory", local(sinew.Config{Bus: bus, Tracer: spans}))
	got := make(chan tracing.SpanContext, 1)
	_ = api.LowStock.Handle(svc, "g", func(ctx context.Context, _ StockEvent) error {
		got <- tracing.SpanContextOf(ctx)
		return nil
	})
	start(t, svc)
	ctx, root := spans.Start(t.Context(), "root", tracing.Internal)
	if err := api.LowStock.Publish(ctx, svc, StockEvent{}); err != nil {
		t.Fatal(err)
	}
	if handled := <-got; handled.TraceID != root.Context().TraceID {
		t.Errorf("handled in trace %s of %s", handled.TraceID, root.Context().TraceID)
	}
	_ = svc.Shutdown(t.Context())
	_ = bus.Close(t.Context())
	nobus := client(t, sinew.Config{})
	if err := api.LowStock.Publish(ctx, nobus, StockEvent{}); !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(err.Error(), "Config.Bus") {
		t.Error(err)
	}
}

func TestClientPolicyReadsFromJSON(t *testing.T) {
	var p sinew.ClientPolicy
	text := `{"timeout":"2s","retry":{"attempts":5,"backoff":"1s"},"breaker":{"timeout":"3s"},"balance":{"algorithm":"round_robin","ejection":{"period":"9s"}}}`
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if p.Timeout != 2*time.Second || p.Retry.Backoff != time.Second || p.Breaker.Timeout != 3*time.Second || p.Balance.Ejection.Period != 9*time.Second {
		t.Errorf("%+v", p)
	}
	if err := json.Unmarshal([]byte(`{"retry":{"attemts":5}}`), &p); err == nil {
		t.Error("an unknown setting was taken")
	}
}
