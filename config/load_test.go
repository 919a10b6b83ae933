package config_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

func TestLaterLayersWinKeyByKey(t *testing.T) {
	yaml := fileSource(t, "a.yaml", "addr: file\ntimeout: 2s\nhttp: {port: 2, max_conns: 2}\nhosts: [b, c]\nlimits: {users: 2}\n")
	json := fileSource(t, "b.json", `{"http":{"port":3},"limits":{"users":3},"timeout":null}`)
	store := config.NewMemory(config.MemoryPolicy{})
	for _, c := range []struct {
		environment string
		port        int
	}{
		{environment: "", port: 4},
		{environment: "prod", port: 5},
	} {
		if _, err := store.Set(t.Context(), config.Configuration{Service: "orders", Environment: c.environment, Key: "http.max_conns", Value: c.port}); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LAYERS_HTTP_RATIO", "0.75")
	t.Setenv("LAYERS_HTTP_PORT", "6")
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.Int("http.port", 99, "")
	set.String("addr", "unused default", "")
	set.Bool("http-tls", false, "")
	if err := set.Parse([]string{"-http.port=7", "-http-tls"}); err != nil {
		t.Fatal(err)
	}
	got := *mustLoad(t, config.File(yaml), config.File(json), config.FromStore(store, "orders", "prod"), config.Env("LAYERS"), config.Flags(set)).Get()
	want := defaults()
	want.Addr, want.Timeout, want.Hosts = "file", 2*time.Second, []string{"b", "c"}
	want.Limits = map[string]int{"orders": 1, "users": 3}
	want.HTTP = httpSettings{Port: 7, MaxConns: 5, Ratio: 0.75, TLS: true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if port := mustLoad(t, config.Flags(set), config.Env("LAYERS")).Get().HTTP.Port; port != 6 {
		t.Errorf("with the layers the other way round the port is %d", port)
	}
}

func TestNoLayersGiveTheDefaults(t *testing.T) {
	if got := *mustLoad(t).Get(); !reflect.DeepEqual(got, defaults()) {
		t.Errorf("got %+v", got)
	}
}

func TestDefaultsAreNeverWrittenTo(t *testing.T) {
	given := defaults()
	path := fileSource(t, "a.yaml", "limits: {orders: 5, x: 6}\nextra: {id: 8}\nhosts: [z]\nlabels: {x: {id: 9}}\n")
	v, err := config.Load(given, config.File(path))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if !reflect.DeepEqual(given, defaults()) {
		t.Errorf("they are now %+v", given)
	}
	if got := v.Get(); got.Limits["orders"] != 5 || got.Extra.ID != 8 || got.Labels["x"].ID != 9 {
		t.Errorf("got %+v", got)
	}
}

func TestValuesKeepTheirDigitsAndTypes(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
	}{
		{name: "a.json", content: `{"extra":{"id":9007199254740993},"http":{"port":1e3},"retry":{"attempts":5,"backoff":"20ms"},"since":"2026-01-02T03:04:05Z","any":[1,{"a":null}],"password":"hunter2"}`},
		{name: "a.yaml", content: "extra: {id: 9007199254740993}\nhttp: {port: 1000}\nretry: {attempts: 5, backoff: 20ms}\nsince: 2026-01-02T03:04:05Z\nany: [1, {a: null}]\npassword: hunter2\n"},
	} {
		got := mustLoad(t, config.File(fileSource(t, c.name, c.content))).Get()
		want := retry.Policy{Attempts: 5, Backoff: 20 * time.Millisecond}
		if got.Extra.ID != 9007199254740993 || got.HTTP.Port != 1000 || got.Retry != want || got.Since.Unix() != 1767323045 ||
			fmt.Sprint(got.Any) != "[1 map[a:<nil>]]" || got.Password.Reveal() != "hunter2" {
			t.Errorf("%s gave %+v", c.name, got)
		}
	}
}

func TestPolicyIsMergedOverItsDefault(t *testing.T) {
	v, err := config.Load(settings{Retry: retry.Policy{Attempts: 4, Backoff: time.Second}},
		config.File(fileSource(t, "a.yaml", "retry: {backoff: 2s}")), config.File(fileSource(t, "b.yaml", "retry: {max_backoff: 9s}")))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got := v.Get().Retry; got != (retry.Policy{Attempts: 4, Backoff: 2 * time.Second, MaxBackoff: 9 * time.Second}) {
		t.Errorf("got %+v", got)
	}
}

func TestBadFilesAreRefusedWithKeyAndReason(t *testing.T) {
	for _, c := range []struct {
		content string
		parts   []string
	}{
		{content: `{"adr":"x"}`, parts: []string{`key "adr": no setting has this name; here are addr,`}},
		{content: `{"http":{"prot":1}}`, parts: []string{`key "http.prot": no setting has this name; here are max_conns, port, ratio, tls`}},
		{content: `{"labels":{"a":{"di":1}}}`, parts: []string{`key "labels.a.di"`}},
		{content: `{"Hidden":"x"}`, parts: []string{`key "Hidden"`}},
		{content: `{"http":{"port":"hunter2"}}`, parts: []string{`key "http.port": a number is needed, not this text`}},
		{content: `{"http":{"port":1.5}}`, parts: []string{`key "http.port": a whole number of 64 bits is needed`}},
		{content: `{"http":{"max_conns":65536}}`, parts: []string{`key "http.max_conns": a whole number from 0 of 16 bits`}},
		{content: `{"http":{"tls":"yes"}}`, parts: []string{`key "http.tls": true or false is needed, not this text`}},
		{content: `{"http":[]}`, parts: []string{`key "http": an object is needed, not a list`}},
		{content: `{"hosts":"hunter2"}`, parts: []string{`key "hosts": a list is needed`}},
		{content: `{"hosts":["a",2]}`, parts: []string{`key "hosts.1": text is needed, not this number`}},
		{content: `{"limits":{"a":"hunter2"}}`, parts: []string{`key "limits.a": a number is needed`}},
		{content: `{"timeout":30}`, parts: []string{`key "timeout": a duration such as "1s" is needed, not this number`}},
		{content: `{"timeout":"hunter2"}`, parts: []string{`key "timeout": a duration`}},
		{content: `{"password":12}`, parts: []string{`key "password": text is needed`}},
		{content: `{"password":"[redacted]"}`, parts: []string{`key "password"`, "write the secret itself"}},
		{content: `{"retry":{"attemps":1}}`, parts: []string{`key "retry"`, `no setting is named "attemps"`}},
		{content: `{"retry":{"attempts":-1}}`, parts: []string{"do not validate", `key "retry"`}},
		{content: `{"http":{"port":666}}`, parts: []string{"do not validate", "must not be 666"}},
		{content: `{"adr":1,"http":{"tls":1}}`, parts: []string{`key "adr"`, `key "http.tls"`}},
		{content: `["hunter2"]`, parts: []string{"an object with the names of settings is needed"}},
		{content: `"hunter2"`, parts: []string{"an object with the names of settings is needed"}},
		{content: `{"addr":"a"} {"addr":"hunter2"}`, parts: []string{""}},
		{content: `{"addr":"a"`, parts: []string{""}},
		{content: ``, parts: []string{"the file is empty"}},
		{content: "\n \n", parts: []string{"the file is empty"}},
		{content: `{"http":{"port":99999999999999999999}}`, parts: []string{`key "http.port": a whole number`}},
	} {
		for _, name := range []string{"bad.json", "bad.yaml"} {
			if name == "bad.yaml" && c.content == `{"addr":"a"} {"addr":"hunter2"}` {
				continue
			}
			path := fileSource(t, name, c.content)
			_, err := load(t, config.File(path))
			checkError(t, err, c.parts...)
			if c.parts[0] != "do not validate" {
				checkError(t, err, path)
			}
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("%s: its code is %v", c.content, fault.CodeOf(err))
			}
		}
	}
}

func TestBadYAMLIsRefused(t *testing.T) {
	for _, content := range []string{"addr: a\n  http: 1\n", "\taddr: a", "addr: [", "addr: a\naddr: b\n", "addr: &a [*a]", "addr: hunter2\n- x\n", "hunter2", "http:\n port: 2020-01-02\n"} {
		path := fileSource(t, "bad.yml", content)
		_, err := load(t, config.File(path))
		checkError(t, err, path)
	}
}

func TestErrorsOfValidateCanBeIdentified(t *testing.T) {
	_, err := load(t, config.File(fileSource(t, "a.json", `{"http":{"port":666}}`)))
	if !errors.Is(err, errPort) {
		t.Errorf("got %v", err)
	}
}

type explosive struct {
	Fuse panickingType `json:"fuse"`
}

type panickingType struct{}

func (*panickingType) UnmarshalJSON([]byte) error { panic("hunter2 is not expected here") }

func TestPanicOfATypeIsAnError(t *testing.T) {
	_, err := config.Load(explosive{}, config.File(fileSource(t, "a.json", `{"fuse":1}`)))
	if !errors.Is(err, fault.Internal) {
		t.Errorf("got %v", err)
	}
}

func TestMistakesInTheCallAreErrors(t *testing.T) {
	store := config.NewMemory(config.MemoryPolicy{})
	for _, c := range []struct {
		name  string
		layer config.Layer
		code  fault.Code
	}{
		{name: "missing file", layer: config.File("/nowhere/a.yaml"), code: fault.NotFound},
		{name: "directory", layer: config.File(t.TempDir() + "/."), code: fault.InvalidArgument},
		{name: "swap file", layer: config.File(fileSource(t, ".a.yaml.swp", "addr: x")), code: fault.InvalidArgument},
		{name: "no prefix", layer: config.Env(""), code: fault.InvalidArgument},
		{name: "no store", layer: config.FromStore(nil, "orders", ""), code: fault.InvalidArgument},
		{name: "no service", layer: config.FromStore(store, "", ""), code: fault.InvalidArgument},
		{name: "nil layer", layer: nil, code: fault.InvalidArgument},
		{name: "flags unparsed", layer: config.Flags(flag.NewFlagSet("", flag.ContinueOnError)), code: fault.FailedPrecondition},
	} {
		if _, err := load(t, c.layer); !errors.Is(err, c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := config.Load(5); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("settings that are a number: %v", err)
	}
}

type withLogger struct {
	Logger *slog.Logger `json:"-"`
	Lock   *sync.Mutex  `json:"-"`
	Level  int          `json:"level"`
}

func TestOpaqueValuesInSettingsAreSharedNotCopied(t *testing.T) {
	given := withLogger{Logger: slog.New(slog.DiscardHandler), Lock: new(sync.Mutex)}
	v, err := config.Load(given, config.File(fileSource(t, "a.yaml", "level: 2")))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got := v.Get(); got.Logger != given.Logger || got.Lock != given.Lock || got.Level != 2 {
		t.Errorf("got %+v", got)
	}
}
