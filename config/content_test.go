package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

func TestADuplicateSettingIsRefused(t *testing.T) {
	for _, content := range []string{
		`{"addr":"a","addr":"hunter2"}`, `{"http":{"port":1,"port":2}}`, `{"any":[{"a":{"b":1,"b":2}}]}`, `{"http":{"port":1},"http":{"tls":true}}`,
		`{"limits":{"a":1,"a":1}}`, `{"any":{"":1,"":2}}`, `{"any":{"a":1,"\u0061":2}}`, `{"retry":{"attempts":1,"attempts":2}}`,
	} {
		for _, name := range []string{"a.json", "a.yaml"} {
			path := fileSource(t, name, content)
			_, err := load(t, config.File(path))
			checkError(t, err, path)
			if name == "a.json" {
				checkError(t, err, "twice")
			}
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("%s in %s: %v", content, name, err)
			}
		}
	}
	for _, content := range []string{"any: {1: a, 1.0: b}\n", "any: {a: 1, a: 2}\n"} {
		_, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", content, err)
		}
	}
	_, err := load(t, config.File(fileSource(t, "a.json", `{"any":[{"a":{"b":1,"b":2}}]}`)))
	checkError(t, err, `key "any.0.a.b"`)

	t.Setenv("TWICE_HTTP_PORT", "1")
	t.Setenv("TWICE_http_port", "2")
	_, err = load(t, config.Env("TWICE"))
	checkError(t, err, "variable TWICE_HTTP_PORT", "variable TWICE_http_port", `"http.port"`)

	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.Int("http.port", 0, "")
	set.Int("http-port", 0, "")
	if err := set.Parse([]string{"-http.port=1", "-http-port=2"}); err != nil {
		t.Fatal(err)
	}
	_, err = load(t, config.Flags(set))
	checkError(t, err, "flag -http.port", "flag -http-port", `"http.port"`)

	store := config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
	for _, c := range []config.Configuration{
		{Value: `{"port":1,"port":2}`, Type: config.JSON}, {Value: "port: 1\nport: 2\n", Type: config.YAML}, {Value: "port: 1\n---\nport: 2\n", Type: config.YAML},
		{Value: config.NewSecret(`{"port":1,"port":2}`), Type: config.JSON, Encrypted: true},
	} {
		c.Service, c.Key = "orders", "http"
		if _, err := store.Set(t.Context(), c); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a store takes %+v: %v", c, err)
		}
	}
	var c config.Configuration
	if err := json.Unmarshal([]byte(`{"service":"a","key":"k","value":{"x":1,"x":2}}`), &c); err == nil {
		t.Errorf("a document with one key twice is %+v", c)
	}
}

func TestASecondDocumentIsRefused(t *testing.T) {
	for _, content := range []string{
		"addr: a\n---\naddr: hunter2\n", "---\naddr: a\n---\naddr: hunter2\n", "addr: a\n--- \naddr: [\n", "addr: a\n---\n]broken[ hunter2\n", "addr: a\r\n---\r\naddr: b\r\n",
		"addr: a\n--- {addr: b}\n", "addr: a\n...\naddr: b\n", "addr: a\n...\n---\naddr: b\n", "# first\n---\n# nothing\n---\naddr: b\n", "%YAML 1.1\n---\naddr: a\n---\naddr: b\n",
		"addr: a\n---\n\n# comment\n---\n  addr: b\n", "\ufeffaddr: a\n---\naddr: b", "addr: a\u2028---\u2028addr: b", "\xff\xfea\x00:\x00 \x001\x00\n\x00-\x00-\x00-\x00\n\x00b\x00",
	} {
		path := fileSource(t, "a.yaml", content)
		_, err := load(t, config.File(path))
		checkError(t, err, path)
		if err != nil && !strings.Contains(err.Error(), "second YAML document") {
			t.Errorf("%q: %v", content, err)
		}
	}
	for _, c := range []struct {
		content string
		want    string
	}{
		{content: "---\naddr: a\n", want: "a"},
		{content: "addr: a\n---\n", want: "a"},
		{content: "addr: a\n...\n", want: "a"},
		{content: "addr: a\n---\n# nothing\n\n", want: "a"},
		{content: "%YAML 1.1\n---\naddr: a\n...\n# end\n", want: "a"},
		{content: "# c\n---\n# d\naddr: a\n", want: "a"},
		{content: "addr: |\n  x\n  ---\n  y\n", want: "x\n---\ny\n"},
		{content: "addr: a---b\n", want: "a---b"},
		{content: "addr: '---'\n", want: "---"},
		{content: "--- {addr: a}\n", want: "a"},
		{content: "\xff\xfea\x00d\x00d\x00r\x00:\x00 \x00x\x00\n\x00", want: "x"},
	} {
		v, err := load(t, config.File(fileSource(t, "a.yaml", c.content)))
		if err != nil || v.Get().Addr != c.want {
			t.Errorf("%q: %v", c.content, err)
		}
	}
	_, err := load(t, config.File(fileSource(t, "a.json", `{"addr":"a"}`+"\n---\n"+`{"addr":"b"}`)))
	checkError(t, err, "something follows")
}

func TestYAMLWithMoreKeysThanItsParserCanCompareIsRefused(t *testing.T) {
	object := func(n int) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, "k%d: 1, ", i)
		}
		return b.String() + "}"
	}
	for _, content := range []string{
		"any: " + object(100_000), "any: [" + strings.Repeat(object(9_000)+", ", 12) + "]", "any: [&a " + object(9_000) + strings.Repeat(", *a", 12) + "]",
		"any: {x: &a " + object(9_000) + ", y: [" + strings.Repeat("{<<: *a},", 12) + "]}",
	} {
		_, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		checkError(t, err, "10000 keys")
	}
	for _, c := range []struct {
		name    string
		content string
	}{
		{name: "a.yaml", content: "any: " + object(10_000)},
		{name: "a.json", content: "{\"any\":" + strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(object(30_000), "k", `"k`), ":", `":`), ", }", "}") + "}"},
	} {
		if v := mustLoad(t, config.File(fileSource(t, c.name, c.content))); v.Get().Any == nil {
			t.Errorf("%s: nothing is set", c.name)
		}
	}
}

// Text that YAML reads as a tag or an anchor would be missing from the setting.
func TestATextThatYAMLTakesForATagOrAnAnchorIsRefused(t *testing.T) {
	for _, content := range []string{"addr: !hunter2\n", "addr: !hunter2 x\n", "any: [!hunter2 {a: b}]\n", "addr: &hunter2\n", "any: {a: &hunter2 , b: 1}\n"} {
		_, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		checkError(t, err, "line 1", "quote it")
	}
	for _, content := range []string{"addr: '!x'\n", "addr: \"!x\"\n", "addr: ! '!x'\n", "addr: !!str \"!x\"\n", "addr: &a \"!x\"\nany: *a\n", "addr: '!x'\nany: &a null\n"} {
		v, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		if err != nil || v.Get().Addr != "!x" {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestWhatIsNestedTooDeepIsRefusedAtOnce(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	for _, n := range []int{102, 9000} {
		for _, c := range []struct {
			name    string
			content string
		}{
			{name: "a.json", content: `{"any":` + deep("[", "]", n) + `}`},
			{name: "b.json", content: `{"any":` + deep(`{"a":`, "", n) + "1" + deep("", "}", n) + `}`},
			{name: "a.yaml", content: "any: " + deep("[", "]", n)},
			{name: "b.yaml", content: "any: " + deep("{a: ", "", n) + "1" + deep("", "}", n)},
			{name: "c.yaml", content: "? " + deep("[", "]", n) + "\n: 1\n"},
		} {
			path := fileSource(t, c.name, c.content)
			begin := time.Now()
			_, err := load(t, config.File(path))
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("%s of %d levels: %v", c.name, n, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s of %d levels took %s", c.name, n, took)
			}
		}
	}
	content := `{"any":` + deep("[", "]", 99) + `}`
	if v := mustLoad(t, config.File(fileSource(t, "a.json", content)), config.File(fileSource(t, "b.yaml", content))); v.Get().Any == nil {
		t.Error("nothing is set")
	}
	memory := config.NewMemory(config.MemoryPolicy{})
	for _, value := range []any{json.RawMessage(deep("[", "]", 200)), json.RawMessage(`{"a":1,"a":2}`), deepValue()} {
		if _, err := memory.Set(t.Context(), config.Configuration{Service: "orders", Key: "any", Value: value, Type: config.JSON}); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a store takes it: %v", err)
		}
	}
	if list, err := memory.List(t.Context(), "orders", ""); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	store := deepStore{config.NewMemory(config.MemoryPolicy{})}
	_, err := load(t, config.FromStore(store, "orders", ""))
	checkError(t, err, "nested", "store entry any")
}

// deepStore has one value, nested too deep.
type deepStore struct{ config.Store }

func (deepStore) List(_ context.Context, service, environment string) ([]config.Configuration, error) {
	return []config.Configuration{{Service: service, Environment: environment, Key: "any", Value: deepValue()}}, nil
}

func deepValue() (value any) {
	for range 9000 {
		value = []any{value}
	}
	return value
}
