package consul

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestEveryInstanceThatIsAcceptedSurvivesConsul(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 20, 100)
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		want := registry.Instance{
			ID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Version: text.Draw(t, "version"),
			Endpoint:    rapid.SampledFrom([]string{"http://10.0.0.1:8080", "https://orders.example", "http://[::1]:81/base", "grpc://h"}).Draw(t, "endpoint"),
			HealthCheck: text.Draw(t, "health check"),
			Metadata:    rapid.MapOf(rapid.StringMatching(`[a-zA-Z0-9-]{1,20}`), rapid.StringN(0, 20, 100)).Draw(t, "metadata"),
			Tags:        rapid.SliceOf(text).Draw(t, "tags"),
			Status:      rapid.SampledFrom([]registry.Status{registry.Healthy, registry.Unhealthy, registry.Unknown}).Draw(t, "status"),
			UpdatedAt:   at, RegisteredAt: at.Add(-time.Hour), LastHeartbeat: at,
		}
		if check(want) != nil {
			t.Skip("Consul would not take it")
		}
		s := service{AgentServiceRegistration: *Config{TTL: time.Hour}.record(want), renewed: time.Now()}
		s.status = s.Check.Status
		got := instance(s.entry())
		if len(want.Metadata) == 0 {
			got.Metadata, want.Metadata = nil, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("want %+v\n got %+v", want, got)
		}
	})
}

func TestMetadataThatConsulRefusesIsNamedInTheError(t *testing.T) {
	many := map[string]string{}
	for n := range maxPairs {
		many[strings.Repeat("k", n+1)] = ""
	}
	for _, c := range []struct {
		name     string
		metadata map[string]string
		says     string
	}{
		{name: "our prefix", metadata: map[string]string{"sinew_x": "1"}, says: "sinew_"},
		{name: "a dot", metadata: map[string]string{"k8s.io": "1"}, says: "k8s.io"},
		{name: "an empty key", metadata: map[string]string{"": "1"}, says: "letters"},
		{name: "a long value", metadata: map[string]string{"note": strings.Repeat("x", 513)}, says: "512"},
		{name: "too many", metadata: many, says: "59"},
		{name: "a long key", metadata: map[string]string{strings.Repeat("k", 129): ""}, says: "128"},
		{name: "not ascii key", metadata: map[string]string{"größe": ""}, says: "größe"},
	} {
		i := orders("1")
		i.Metadata = c.metadata
		if err := check(i); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	i := orders("1")
	i.Version = strings.Repeat("v", 600)
	if err := check(i); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "version") {
		t.Errorf("a long version: %v", err)
	}
}

func TestServiceOfOthersHasAnEndpoint(t *testing.T) {
	for _, c := range []struct {
		address string
		port    int
		meta    map[string]string
		want    string
	}{
		{"10.0.0.1", 8080, nil, "http://10.0.0.1:8080"},
		{"", 8080, nil, "http://10.9.9.9:8080"},
		{"::1", 8080, map[string]string{"scheme": "https"}, "https://[::1]:8080"},
		{"::1", 0, nil, "http://[::1]"},
		{"orders.example", 0, nil, "http://orders.example"},
	} {
		got := instance(&api.ServiceEntry{
			Node:    &api.Node{Address: "10.9.9.9"},
			Service: &api.AgentService{ID: "1", Service: "orders", Address: c.address, Port: c.port, Meta: c.meta},
		})
		if got.Endpoint != c.want || got.Status != registry.Healthy {
			t.Errorf("%s %d: %s, %s", c.address, c.port, got.Endpoint, got.Status)
		}
	}
}

func TestAddressOfAnEndpointIsForDNS(t *testing.T) {
	for _, c := range []struct {
		endpoint string
		want     string
	}{
		{endpoint: "http://10.0.0.1:8080/x", want: "10.0.0.1 8080"},
		{endpoint: "https://a.example", want: "a.example 443"},
		{endpoint: "http://[::1]", want: "::1 80"},
		{endpoint: "grpc://h", want: "h 0"},
	} {
		host, port := address(c.endpoint)
		if text := strings.Fields(c.want); host != text[0] || text[1] != jsonText(port) {
			t.Errorf("%s: %s %d", c.endpoint, host, port)
		}
	}
}

func TestMaintenanceIsUnhealthy(t *testing.T) {
	e := stored("1").entry()
	e.Checks = append(e.Checks, &api.HealthCheck{CheckID: api.NodeMaint, Status: api.HealthCritical})
	if s := instance(e).Status; s != registry.Unhealthy {
		t.Errorf("it is %s", s)
	}
}

// FuzzInstances decodes anything that an agent may answer.
func FuzzInstances(f *testing.F) {
	f.Add([]byte(`[{"Node":null,"Service":{"ID":"1","Service":"s","Port":-1,"Meta":{"sinew_updated_at":"soon","scheme":"a b"}},"Checks":[null,{"Status":"odd"}]}]`))
	f.Add([]byte(`[null,{},{"Service":{}}]`))
	f.Add([]byte(`[{"Service":{"ID":"1","Meta":{"sinew_endpoint":"http://a"}}},{"Service":{"ID":"1"}}]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var entries []*api.ServiceEntry
		if json.Unmarshal(answer, &entries) != nil {
			t.Skip()
		}
		seen := map[string]bool{}
		for _, i := range instances(entries) {
			if seen[i.ID] {
				t.Errorf("instance %q is there twice", i.ID)
			}
			seen[i.ID] = true
			if i.Status.Validate() != nil {
				t.Errorf("status %q", i.Status)
			}
		}
	})
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
