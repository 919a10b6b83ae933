package config_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
)

func TestVariablesNameSettingsByPath(t *testing.T) {
	for name, text := range map[string]string{
		"VARS_ADDR": "12", "VARS_TIMEOUT": "1m", "VARS_HTTP": `{"port":5,"tls":true}`, "VARS_HTTP_PORT": "6", "VARS_HOSTS": "a, b,c",
		"VARS_LIMITS": `{"x":1}`, "VARS_RETRY_BACKOFF": "3s", "VARS_RETRY_ATTEMPTS": "9", "VARS_PASSWORD": "123", "VARS_EXTRA_ID": "-4",
		"VARS_SINCE": "2026-01-02T03:04:05Z", "VARS_ANY": "plain", "VARS_": "nothing", "VARSITY": "not ours",
	} {
		t.Setenv(name, text)
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
	for name, text := range map[string]string{
		"HTTP_PORT": "hunter2", "HTTP_TLS": "hunter2", "TIMEOUT": "hunter2", "HTTP": "hunter2", "LIMITS": "[1]", "HTTP_RATIO": "",
		"RETRY_BACKOFF": "later",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("WRONG_"+name, text)
			_, err := load(t, config.Env("WRONG"))
			checkError(t, err, "variable WRONG_"+name, "key ")
		})
	}
}

func TestVariablesOfKubernetesServicesAreNoSettings(t *testing.T) {
	for name, text := range map[string]string{
		"SHOP_SERVICE_HOST": "10.0.0.1", "SHOP_SERVICE_PORT": "80", "SHOP_SERVICE_PORT_HTTP": "80", "SHOP_PORT": "tcp://10.0.0.1:80",
		"SHOP_PORT_80_TCP": "tcp://10.0.0.1:80", "SHOP_PORT_80_TCP_PROTO": "tcp", "SHOP_PORT_80_TCP_ADDR": "10.0.0.1",
		"SHOP_DB_SERVICE_HOST": "10.0.0.2", "SHOP_DB_PORT": "tcp://10.0.0.2:5432", "SHOP_ADDR": "mine",
	} {
		t.Setenv(name, text)
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
