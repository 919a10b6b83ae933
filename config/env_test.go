package config_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
)

func TestVariablesNameSettingsByPath(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
	}{
		{name: "VARS_ADDR", text: "12"},
		{name: "VARS_TIMEOUT", text: "1m"},
		{name: "VARS_HTTP", text: `{"port":5,"tls":true}`},
		{name: "VARS_HTTP_PORT", text: "6"},
		{name: "VARS_HOSTS", text: "a, b,c"},
		{name: "VARS_LIMITS", text: `{"x":1}`},
		{name: "VARS_RETRY_BACKOFF", text: "3s"},
		{name: "VARS_RETRY_ATTEMPTS", text: "9"},
		{name: "VARS_PASSWORD", text: "123"},
		{name: "VARS_EXTRA_ID", text: "-4"},
		{name: "VARS_SINCE", text: "2026-01-02T03:04:05Z"},
		{name: "VARS_ANY", text: "plain"},
		{name: "VARS_", text: "nothing"},
		{name: "VARSITY", text: "not ours"},
	} {
		t.Setenv(c.name, c.text)
	}
	got := mustLoad(t, config.Env("VARS_")).Get()
	if got.Addr != "12" || got.Timeout != time.Minute || got.HTTP.Port != 6 || !got.HTTP.TLS || fmt.Sprint(got.Hosts) != "[a b c]" ||
		fmt.Sprint(got.Limits) != "map[orders:1 x:1]" || got.Retry.Backoff != 3*time.Second || got.Retry.Attempts != 9 ||
		got.Password.Reveal() != "123" || got.Extra.ID != -4 || got.Since.IsZero() || got.Any != "plain" {
		t.Errorf("got %+v", got)
	}
}

func TestBadVariablesAreAllNamed(t *testing.T) {
	t.Setenv("BAD_HTTP_PROT", "1")
	t.Setenv("BAD_ADRR", "hunter2")
	_, err := load(t, config.Env("BAD"))
	checkError(t, err, "variable BAD_HTTP_PROT", "variable BAD_ADRR", `"adrr"`)
}

func TestVariableOfAnotherTypeIsRefusedWithItsKey(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
	}{
		{name: "HTTP_PORT", text: "hunter2"},
		{name: "HTTP_TLS", text: "hunter2"},
		{name: "TIMEOUT", text: "hunter2"},
		{name: "HTTP", text: "hunter2"},
		{name: "LIMITS", text: "[1]"},
		{name: "HTTP_RATIO", text: ""},
		{name: "RETRY_BACKOFF", text: "later"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("WRONG_"+c.name, c.text)
			_, err := load(t, config.Env("WRONG"))
			checkError(t, err, "variable WRONG_"+c.name, "key ")
		})
	}
}

func TestVariablesOfKubernetesServicesAreNoSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
	}{
		{name: "SHOP_SERVICE_HOST", text: "10.0.0.1"},
		{name: "SHOP_SERVICE_PORT", text: "80"},
		{name: "SHOP_SERVICE_PORT_HTTP", text: "80"},
		{name: "SHOP_PORT", text: "tcp://10.0.0.1:80"},
		{name: "SHOP_PORT_80_TCP", text: "tcp://10.0.0.1:80"},
		{name: "SHOP_PORT_80_TCP_PROTO", text: "tcp"},
		{name: "SHOP_PORT_80_TCP_ADDR", text: "10.0.0.1"},
		{name: "SHOP_DB_SERVICE_HOST", text: "10.0.0.2"},
		{name: "SHOP_DB_PORT", text: "tcp://10.0.0.2:5432"},
		{name: "SHOP_ADDR", text: "mine"},
	} {
		t.Setenv(c.name, c.text)
	}
	if got := mustLoad(t, config.Env("SHOP")).Get().Addr; got != "mine" {
		t.Errorf("got %q", got)
	}
}

type twins struct {
	Flat string `json:"http_port"`
	HTTP struct {
		Port string `json:"port"`
	} `json:"http"`
	base
}

type base struct {
	Level string `json:"level"`
}

func TestVariableThatNamesTwoSettingsIsRefused(t *testing.T) {
	t.Setenv("TWINS_HTTP_PORT", "1")
	_, err := config.Load(twins{}, config.Env("TWINS"))
	checkError(t, err, "variable TWINS_HTTP_PORT", `"http_port"`, `"http.port"`)
}

func TestEmbeddedSettingsCountAsTheirOwn(t *testing.T) {
	t.Setenv("EMBED_LEVEL", "debug")
	v, err := config.Load(twins{}, config.Env("EMBED"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.Get().Level != "debug" {
		t.Errorf("got %+v", v.Get())
	}
}

func TestFlagsOfTheProgramAreNoSettings(t *testing.T) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.String("config", "", "")
	set.Duration("timeout", 0, "")
	set.String("http_port", "", "")
	if err := set.Parse([]string{"-config=x", "-timeout=3s"}); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, config.Flags(set)).Get().Timeout; got != 3*time.Second {
		t.Errorf("got %s", got)
	}
	if err := set.Parse([]string{"-http_port=hunter2"}); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, config.Flags(set))
	checkError(t, err, "flag -http_port", `key "http.port": a number is needed`)
}
