package registry_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestInstanceHasTheDocumentedJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := registry.Instance{
		ID: "orders-1", Name: "orders", Version: "1.4.0", Endpoint: "http://10.0.0.1:8080",
		HealthCheck: "http://10.0.0.1:8080/healthz", Metadata: map[string]string{"zone": "eu-1"}, Tags: []string{"api"},
		Status: registry.Healthy, LastHeartbeat: at, RegisteredAt: at.Add(-time.Hour), UpdatedAt: at.Add(-time.Minute),
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const document = `{"id":"orders-1","name":"orders","version":"1.4.0","endpoint":"http://10.0.0.1:8080",` +
		`"health_check":"http://10.0.0.1:8080/healthz","metadata":{"zone":"eu-1"},"tags":["api"],"status":"healthy",` +
		`"last_heartbeat":"2026-01-02T03:04:05Z","registered_at":"2026-01-02T02:04:05Z","updated_at":"2026-01-02T03:03:05Z"}`
	if string(text) != document {
		t.Errorf("it is  %s\nand not %s", text, document)
	}
	var got registry.Instance
	if err := json.Unmarshal(text, &got); err != nil || !got.UpdatedAt.Equal(want.UpdatedAt) || got.Zone() != "eu-1" {
		t.Errorf("it comes back as %+v: %v", got, err)
	}
	var keys map[string]any
	empty, err := json.Marshal(registry.Instance{})
	if err := errors.Join(err, json.Unmarshal(empty, &keys)); err != nil || len(keys) != 11 {
		t.Errorf("an empty one has the keys %v: %v", keys, err)
	}
}

func TestWeight(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
	}{
		{text: "", want: 1},
		{text: "3", want: 3},
		{text: "0.5", want: 0.5},
		{text: "1e2", want: 100},
		{text: "0", want: 0.001},
		{text: "-0", want: 0.001},
		{text: "0.0", want: 0.001},
		{text: "-2", want: 0.001},
		{text: "heavy", want: 1},
		{text: "NaN", want: 1},
		{text: "Inf", want: 1},
		{text: "-Inf", want: 1},
		{text: "1e400", want: 1},
		{text: "1e9", want: 1000},
		{text: "1e-9", want: 0.001},
		{text: " 3", want: 1},
	} {
		if got := (registry.Instance{Metadata: map[string]string{"weight": c.text}}).Weight(); got != c.want {
			t.Errorf("weight %q is %v, not %v", c.text, got, c.want)
		}
	}
	if i := (registry.Instance{}); i.Weight() != 1 || i.Zone() != "" {
		t.Errorf("without metadata: %v, %q", i.Weight(), i.Zone())
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "weight")
		if w := (registry.Instance{Metadata: map[string]string{"weight": text}}).Weight(); !(w >= 0.001 && w <= 1000) {
			t.Fatalf("weight %q is %v", text, w)
		}
	})
}

func TestHasTags(t *testing.T) {
	i := registry.Instance{Tags: []string{"api", "blue"}}
	if !i.HasTags() || !i.HasTags("blue", "api") || i.HasTags("api", "green") || (registry.Instance{}).HasTags("api") {
		t.Error("all of the tags, no more, no less")
	}
}

func TestValidateExplainsWhatIsWrong(t *testing.T) {
	good := registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:8080"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, c := range []struct {
		word  string
		spoil func(i *registry.Instance)
	}{
		{word: "no id", spoil: func(i *registry.Instance) { i.ID = "" }},
		{word: "no service name", spoil: func(i *registry.Instance) { i.Name = "" }},
		{word: "no endpoint", spoil: func(i *registry.Instance) { i.Endpoint = "" }},
		{word: "10.0.0.1:8080", spoil: func(i *registry.Instance) { i.Endpoint = "10.0.0.1:8080" }},
		{word: "http://:8080", spoil: func(i *registry.Instance) { i.Endpoint = "http://:8080" }},
		{word: "sleepy", spoil: func(i *registry.Instance) { i.Status = "sleepy" }},
	} {
		i := good
		c.spoil(&i)
		if err := i.Validate(); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v", c.word, err)
		}
	}
}

func TestStaticAddressesAreHealthyInstances(t *testing.T) {
	d := registry.NewStatic(map[string][]string{"orders": {"http://a:1", "http://b:1"}, "carts": {"http://c:1"}})
	for _, c := range []struct {
		name string
		want []string
	}{
		{name: "orders", want: []string{"http://a:1", "http://b:1"}},
		{name: "carts", want: []string{"http://c:1"}},
		{name: "nobody", want: nil},
	} {
		for set, err := range d.Watch(t.Context(), c.name) {
			var got []string
			for _, i := range set {
				got = append(got, i.Endpoint)
				if i.Status != registry.Healthy || i.Name != c.name || i.ID == "" {
					t.Errorf("%+v", i)
				}
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, %v", c.name, got, err)
			}
			break
		}
	}
	all, err := d.Services(t.Context())
	if err != nil || len(all) != 3 || all[0].Name != "carts" {
		t.Errorf("Services: %v, %v", all, err)
	}
	if tagged, err := d.Services(t.Context(), "blue"); err != nil || len(tagged) != 0 {
		t.Errorf("a fixed address has tags: %v, %v", tagged, err)
	}
}
