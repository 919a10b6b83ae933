package rest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

type tenantRequest struct {
	Tenant string `header:"X-Tenant" json:"-"`
}

func TestAHeaderThatCannotTravelIsRefusedBeforeItIsSent(t *testing.T) {
	arrived := ""
	mux := http.NewServeMux()
	route := rest.Route[*tenantRequest, endpoint.None]{Pattern: "POST /x"}
	route.Handle(mux, func(_ context.Context, r *tenantRequest) (endpoint.None, error) {
		arrived = r.Tenant
		return endpoint.None{}, nil
	})
	caller, _ := serve(t, mux)
	for _, c := range []struct {
		text string
		fine bool
	}{
		{text: "a\nb", fine: false},
		{text: "a\rb", fine: false},
		{text: "a\x00b", fine: false},
		{text: "a\x7fb", fine: false},
		{text: "a\tb", fine: true},
		{text: "é", fine: true},
	} {
		_, err := route.Endpoint(caller)(t.Context(), &tenantRequest{Tenant: c.text})
		if c.fine && (err != nil || arrived != c.text) {
			t.Errorf("%q arrived as %q: %v", c.text, arrived, err)
		}
		if !c.fine && (!errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "X-Tenant")) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func TestMetadataNeverFailsACall(t *testing.T) {
	var got http.Header
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { got = r.Header; w.WriteHeader(204) })
	caller, _ := serve(t, mux)
	ctx := call.With(t.Context(), call.Record{RequestID: "r\n1"})
	ctx = tracing.ContextWithSpan(ctx, tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, State: "a=b\nc"})
	if _, err := (rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /x"}).Endpoint(namedCaller{caller, "shop\x00"})(ctx, endpoint.None{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Request-Id", "X-Service-Name", "Tracestate"} {
		if text := got.Get(name); text != "" {
			t.Errorf("%s: %q", name, text)
		}
	}
	if got.Get("Traceparent") == "" {
		t.Error("the trace was left out with its state")
	}
}

// namedCaller calls at an address, as a service with a name.
type namedCaller struct {
	call.Caller
	name string
}

func (f namedCaller) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) error {
	return f.Caller.Call(ctx, op, func(ctx context.Context, addr string) error {
		call.Of(ctx).From = f.name
		return send(ctx, addr)
	})
}

func TestARouteWithAnInvalidHeaderNameIsRefused(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "X Tenant") {
			t.Errorf("%q", text)
		}
	}()
	type request struct {
		Tenant string `header:"X Tenant" json:"-"`
	}
	rest.Route[*request, endpoint.None]{Pattern: "POST /x"}.Endpoint(rest.Remote("", nil))
}
