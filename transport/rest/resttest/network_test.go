package resttest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inNetwork runs a test in a bubble with a network.
func inNetwork(t *testing.T, test func(t *testing.T, network *resttest.Network)) {
	synctest.Test(t, func(t *testing.T) {
		var network resttest.Network
		defer network.Close()
		test(t, &network)
	})
}

func TestTheTimeThatACallWaitsIsVirtual(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		var inventory resttest.Fake
		network.Serve("inventory", &inventory)
		Reserve.Handle(&inventory, func(ctx context.Context, _ *Reservation) (*Stock, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		order := newOrderService(sinew.Config{
			Transport: network, Static: network.Addresses(),
			Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: time.Minute}},
		})
		defer order.Shutdown(context.Background())
		network.Serve("order", order.Handler())

		start := time.Now()
		_, err := Place.Endpoint(network.Caller("order"))(t.Context(), &Order{ProductID: "p-1", Quantity: 3})
		if !errors.Is(err, fault.DeadlineExceeded) || time.Since(start).Round(time.Second) != time.Minute {
			t.Errorf("a hanging inventory is answered with %v after %s, want 1m", err, time.Since(start))
		}
		if calls := resttest.Calls(&inventory, Reserve); len(calls) != 1 || *calls[0] != (Reservation{"p-1", 3}) {
			t.Errorf("it was called with %v", calls)
		}
	})
}

func TestARepeatedCallIsRecordedAsOftenAsItArrives(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		var inventory resttest.Fake
		network.Serve("inventory", &inventory)
		Reserve.Handle(&inventory, func(context.Context, *Reservation) (*Stock, error) {
			if len(inventory.Requests()) == 1 {
				return nil, fault.Unavailable.Errorf("it restarts")
			}
			return &Stock{}, nil
		})
		order := newOrderService(sinew.Config{Transport: network, Static: network.Addresses()})
		defer order.Shutdown(context.Background())
		network.Serve("order", order.Handler())
		if _, err := Place.Endpoint(network.Caller("order"))(t.Context(), &Order{ProductID: "p-1", Quantity: 3}); err != nil {
			t.Error(err)
		}
		all := inventory.Requests()
		if len(all) != 2 || all[0].Header.Get("Idempotency-Key") != all[1].Header.Get("Idempotency-Key") || all[0].Pattern != Reserve.Pattern {
			t.Fatalf("it was called with %v", all)
		}
		if body, err := io.ReadAll(all[1].Body); err != nil || strings.TrimSpace(string(body)) != `{"quantity":3}` {
			t.Errorf("the second body is %s, %v", body, err)
		}
	})
}

func TestWhatAFakeDoesNotServeIsUnimplemented(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		var inventory resttest.Fake
		network.Serve("inventory", &inventory)
		_, err := Reserve.Endpoint(network.Caller("inventory"))(t.Context(), &Reservation{ProductID: "p-1"})
		if !errors.Is(err, fault.Unimplemented) || len(inventory.Requests()) != 1 || len(resttest.Calls(&inventory, Reserve)) != 0 {
			t.Errorf("got %v, after %d requests", err, len(inventory.Requests()))
		}
	})
}

func TestCallsLeavesOutWhatTheRouteRefuses(t *testing.T) {
	var inventory resttest.Fake
	Reserve.Handle(&inventory, func(context.Context, *Reservation) (*Stock, error) { return &Stock{}, nil })
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		network.Serve("inventory", &inventory)
		wrong := rest.Route[struct {
			ID       string `path:"product_id" json:"-"`
			Quantity string `json:"quantity"`
		}, endpoint.None]{Pattern: Reserve.Pattern}
		_, err := wrong.Endpoint(network.Caller("inventory"))(t.Context(), struct {
			ID       string `path:"product_id" json:"-"`
			Quantity string `json:"quantity"`
		}{"p-1", "three"})
		if !errors.Is(err, fault.InvalidArgument) || len(inventory.Requests()) != 1 || len(resttest.Calls(&inventory, Reserve)) != 0 {
			t.Errorf("got %v, %d requests and %d calls", err, len(inventory.Requests()), len(resttest.Calls(&inventory, Reserve)))
		}
	})
}

func TestCallsInAnotherFormThanJSONAreRead(t *testing.T) {
	codecs := rest.Codecs{{
		Name: "xml", MediaTypes: []string{"application/xml"}, Decode: xml.Unmarshal,
		Encode: func(buffer []byte, v any) ([]byte, error) {
			text, err := xml.Marshal(v)
			return append(buffer, text...), err
		},
	}, rest.JSON()}
	var inventory resttest.Fake
	Reserve.Handle(codecs.Mux(&inventory), func(context.Context, *Reservation) (*Stock, error) { return &Stock{}, nil })
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		network.Serve("inventory", &inventory)
		_, err := Reserve.Endpoint(codecs.Caller(network.Caller("inventory")))(t.Context(), &Reservation{ProductID: "p-1", Quantity: 3})
		if calls := resttest.Calls(&inventory, Reserve); err != nil || len(calls) != 1 || *calls[0] != (Reservation{"p-1", 3}) {
			t.Errorf("want one call, got %v and %v", calls, err)
		}
	})
}

func TestAServiceThatIsNotServedIsUnreachable(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		reserve := Reserve.Endpoint(network.Caller("inventory"))
		_, err := reserve(t.Context(), &Reservation{ProductID: "p-1"})
		if !errors.Is(err, fault.Unavailable) || !fault.IsUnprocessed(err) || !strings.Contains(err.Error(), "no service inventory") {
			t.Errorf("got %v", err)
		}
		network.Serve("inventory", http.NotFoundHandler())
		network.Close()
		if _, err = reserve(t.Context(), &Reservation{ProductID: "p-1"}); !errors.Is(err, fault.Unavailable) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestAStreamArrivesAsItIsFlushed(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		network.Serve("clock", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for n := 1; n <= 3; n++ {
				bubble.Sleep(time.Second)
				_, _ = fmt.Fprintln(w, n)
				_ = http.NewResponseController(w).Flush()
			}
		}))
		start := time.Now()
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://clock/", nil)
		answer, err := network.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		for n := 1; lines.Scan(); n++ {
			if lines.Text() != fmt.Sprint(n) || time.Since(start) != time.Duration(n)*time.Second {
				t.Errorf("%q arrives after %s", lines.Text(), time.Since(start))
			}
		}
	})
}

func TestAHandlerSeesThatItsCallerGivesUp(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		ended := make(chan time.Time, 1)
		network.Serve("inventory", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			ended <- time.Now()
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		r, _ := http.NewRequestWithContext(ctx, "POST", "http://inventory/", bytes.NewReader(make([]byte, 1<<20)))
		if answer, err := network.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
			t.Error("it is answered")
		}
		if took := (<-ended).Sub(start); took != time.Second {
			t.Errorf("the handler ends after %s, want 1s", took)
		}
	})
}

func TestCallersInANetworkAreOnThisMachine(t *testing.T) {
	inNetwork(t, func(t *testing.T, network *resttest.Network) {
		network.Serve("inventory", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !rest.SameMachine(r) {
				w.WriteHeader(http.StatusForbidden)
			}
		}))
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://inventory/", nil)
		answer, err := network.RoundTrip(r)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("got %v, %v", answer, err)
		}
		_ = answer.Body.Close()
	})
}

func TestCloseEndsWhatStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network resttest.Network
		network.Serve("inventory", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://inventory/", nil)
		answer, err := network.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		network.Close()
		if _, err := io.ReadAll(answer.Body); err == nil {
			t.Error("the answer ends as if it were whole")
		}
	})
}

func TestWhatCannotBeServedIsRefused(t *testing.T) {
	var network, closed resttest.Network
	network.Serve("inventory", http.NotFoundHandler())
	defer network.Close()
	closed.Close()
	for name, serve := range map[string]func(){
		"no handler":  func() { network.Serve("order", nil) },
		"no name":     func() { network.Serve("", http.NotFoundHandler()) },
		"a port":      func() { network.Serve("order:80", http.NotFoundHandler()) },
		"a path":      func() { network.Serve("order/v1", http.NotFoundHandler()) },
		"a used name": func() { network.Serve("inventory", http.NotFoundHandler()) },
		"after Close": func() { closed.Serve("order", http.NotFoundHandler()) },
	} {
		func() {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "resttest: ") {
					t.Errorf("%s: it says %v", name, p)
				}
			}()
			serve()
		}()
	}
}
