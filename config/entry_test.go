package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

func TestTheValuesOfAnOwnLayerMayBeOfAnyGoTypeThatJSONHas(t *testing.T) {
	got := mustLoad(t, newOwnLayer(
		entryOf("", map[string]any{
			"timeout": 3 * time.Second, "hosts": []string{"x", "y"}, "limits": map[string]uint8{"users": 7},
			"extra": struct {
				ID int32 `json:"id"`
			}{9},
		}),
		entryOf("http.ratio", float32(0.25)),
	)).Get()
	want := defaults()
	want.Timeout, want.Hosts, want.Extra, want.HTTP.Ratio = 3*time.Second, []string{"x", "y"}, &extra{9}, 0.25
	want.Limits = map[string]int{"orders": 1, "users": 7}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
}

func TestTextOfAnOwnLayerIsReadByTheTypeOfItsSetting(t *testing.T) {
	text := func(name, value string) config.Entry {
		return config.Entry{Origin: "parameter " + name, Path: name, Value: value, Text: true}
	}
	got := mustLoad(t, newOwnLayer(
		text("HTTP-max.conns", "9"), text("HTTP", `{"port":2}`), text("hosts", "a,b"), text("addr", "1"),
	)).Get()
	if got.HTTP.MaxConns != 9 || got.HTTP.Port != 2 || fmt.Sprint(got.Hosts) != "[a b]" || got.Addr != "1" {
		t.Errorf("got %+v", got)
	}
	optional := text("other.program", "x")
	optional.Optional = true
	if _, err := load(t, newOwnLayer(optional)); err != nil {
		t.Errorf("an optional entry for no setting is refused: %v", err)
	}
	for _, c := range []struct {
		entries []config.Entry
		want    []string
	}{
		{
			entries: []config.Entry{text("other.program", "x")},
			want:    []string{"parameter other.program", `no setting is named "other.program"`},
		},
		{
			entries: []config.Entry{text("http.port", "1"), text("HTTP_PORT", "1")},
			want:    []string{"parameter HTTP_PORT", "parameter http.port sets key"},
		},
		{
			entries: []config.Entry{{Origin: "parameter x", Path: "http.port", Value: 1, Text: true}},
			want:    []string{"parameter x", "not a int"},
		},
	} {
		_, err := load(t, newOwnLayer(c.entries...))
		checkError(t, err, c.want...)
	}
}

func TestWhatAnOwnLayerReturnsWrongIsRefusedWithItsOrigin(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["extra"] = cyclic
	for _, c := range []struct {
		entry config.Entry
		want  string
	}{
		{entryOf("adr", "hunter2"), `key "adr": no setting has this name`},
		{entryOf("http.port", "hunter2"), `key "http.port": a number is needed`},
		{entryOf("", "hunter2"), "an object with the names of settings is needed"},
		{entryOf("", cyclic), "nested more than 100 deep"},
		{entryOf("any", func() {}), "a func() cannot be written as JSON"},
		{entryOf("any", []config.Secret{config.NewSecret("hunter2")}), "give it an entry of its own"},
	} {
		_, err := load(t, newOwnLayer(c.entry))
		checkError(t, err, c.entry.Origin, c.want)
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("the code of %v is %v, want InvalidArgument", err, fault.CodeOf(err))
		}
	}
}

func TestNoErrorQuotesASecretOfAnOwnLayer(t *testing.T) {
	secret := func(path string, value any) config.Entry {
		e := entryOf(path, value)
		e.Secret = true
		return e
	}
	for _, c := range []struct {
		name  string
		entry config.Entry
		want  string
	}{
		{
			name:  "a key within a secret object",
			entry: secret("http", map[string]any{"hunter2": 1}),
			want:  `key "http": a part of the secret does not fit`,
		},
		{
			name:  "a key below the root",
			entry: secret("", map[string]any{"http": map[string]any{"hunter2": 1}}),
			want:  `key "http": a part of the secret does not fit`,
		},
		{
			name:  "a misspelt setting at the root",
			entry: secret("", map[string]any{"adr": "hunter2"}),
			want:  `key "adr": no setting has this name`,
		},
		{
			name:  "a Secret for another type",
			entry: entryOf("http.port", config.NewSecret("hunter2")),
			want:  `key "http.port"`,
		},
		{
			name:  "a Secret in an object",
			entry: entryOf("http", map[string]any{"hunter2": 1, "port": config.NewSecret("hunter2")}),
			want:  `key "http": a part of the secret`,
		},
		{
			name:  "a type that quotes",
			entry: secret("retry.backoff", "hunter2"),
			want:  `key "retry": its type refuses the secret`,
		},
		{
			name:  "JSON with a key twice",
			entry: secret("limits", json.RawMessage(`{"hunter2":1,"hunter2":2}`)),
			want:  "an object in it has a key twice",
		},
		{
			name:  "text with a key twice",
			entry: config.Entry{Origin: "x", Path: "limits", Value: `{"hunter2":1,"hunter2":2}`, Text: true, Secret: true},
			want:  `key "limits"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, newOwnLayer(c.entry))
			checkError(t, err, c.want)
		})
	}
	got := mustLoad(t, newOwnLayer(entryOf("password", config.NewSecret("hunter2")))).Get()
	if got.Password.Reveal() != "hunter2" {
		t.Error("a Secret does not arrive")
	}
}

func TestNullSetsNothing(t *testing.T) {
	got := mustLoad(t, newOwnLayer(entryOf("addr", "own")), newOwnLayer(entryOf("addr", nil))).Get()
	if got.Addr != "own" {
		t.Errorf("a null over it makes addr %q, want own", got.Addr)
	}
	store := config.NewMemory(config.MemoryPolicy{})
	null := config.Configuration{Service: "orders", Key: "addr", Type: config.JSON}
	if _, err := store.Set(t.Context(), null); err != nil {
		t.Fatal(err)
	}
	got = mustLoad(t, newOwnLayer(entryOf("addr", "own")), config.FromStore(store, "orders", "")).Get()
	if got.Addr != "own" {
		t.Errorf("a null of a store over it makes addr %q, want own", got.Addr)
	}
}

func TestAnOwnLayerMayModifyWhatItHasReturned(t *testing.T) {
	object := map[string]any{"port": 4}
	v := mustLoad(t, newOwnLayer(entryOf("any", object), entryOf("http", object)))
	object["port"] = 5
	if got := v.Get(); got.HTTP.Port != 4 || fmt.Sprint(got.Any) != "map[port:4]" {
		t.Errorf("after its change the settings are %+v, want port 4", got)
	}
}
