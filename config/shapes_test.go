package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// shapes has lists and bytes of every kind.
type shapes struct {
	Ports   []int           `json:"ports"`
	Hosts   []string        `json:"hosts"`
	On      []bool          `json:"on"`
	Ratios  []float64       `json:"ratios"`
	Waits   []time.Duration `json:"waits"`
	Secrets []config.Secret `json:"secrets"`
	Pair    [2]int          `json:"pair"`
	Pointer *[]int          `json:"pointer"`
	Inner   []*int          `json:"inner"`
	Any     []any           `json:"any"`
	Objects []extra         `json:"objects"`
	Nested  [][]int         `json:"nested"`
	Key     []byte          `json:"key"`
	Sum     [3]byte         `json:"sum"`
	Token   token           `json:"token"`
	Levels  []level         `json:"levels"`
	Colours []colour        `json:"colours"`
	Raw     json.RawMessage `json:"raw"`
	Free    any             `json:"free"`
	One     extra           `json:"one"`
	Map     map[string]int  `json:"map"`
}

type token []byte

type level uint8

// colour has a text form.
type colour uint8

func (c *colour) UnmarshalText(text []byte) error {
	if string(text) != "red" {
		return errors.New("no colour")
	}
	*c = 1
	return nil
}

// readText sets a setting to text, by a variable and by a flag, and returns the results.
func readText(t *testing.T, name, text string) (got []shapes, errs []error) {
	t.Helper()
	variable := "SHAPES_" + strings.ToUpper(name)
	t.Setenv(variable, text) // restores it after the test
	defer func() { _ = os.Unsetenv(variable) }()
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.String(name, "", "")
	if err := set.Parse([]string{"-" + name + "=" + text}); err != nil {
		t.Fatal(err)
	}
	for _, layer := range []config.Layer{config.Env("SHAPES"), config.Flags(set)} {
		v, err := config.Load(shapes{}, layer)
		errs = append(errs, err)
		if err == nil {
			got = append(got, *v.Get())
			_ = v.Close()
		}
	}
	return got, errs
}

func TestListsOfAnyLengthAreReadFromText(t *testing.T) {
	n := 7
	for _, c := range []struct {
		name, text string
		want       shapes
	}{
		{"ports", "5353", shapes{Ports: []int{5353}}},
		{"ports", "53,5353", shapes{Ports: []int{53, 5353}}},
		{"ports", " 53 , 5353, ", shapes{Ports: []int{53, 5353}}},
		{"ports", "[53,5353]", shapes{Ports: []int{53, 5353}}},
		{"ports", "[53]", shapes{Ports: []int{53}}},
		{"ports", "[]", shapes{Ports: []int{}}},
		{"ports", "", shapes{Ports: []int{}}},
		{"hosts", "10", shapes{Hosts: []string{"10"}}},
		{"hosts", "true", shapes{Hosts: []string{"true"}}},
		{"hosts", "null", shapes{Hosts: []string{"null"}}},
		{"hosts", "1e3", shapes{Hosts: []string{"1e3"}}},
		{"hosts", "a", shapes{Hosts: []string{"a"}}},
		{"hosts", "10,true,null,a", shapes{Hosts: []string{"10", "true", "null", "a"}}},
		{"hosts", `["10","a,b"]`, shapes{Hosts: []string{"10", "a,b"}}},
		{"hosts", "[::1]:80,[::2]:80", shapes{Hosts: []string{"[::1]:80", "[::2]:80"}}},
		{"on", "true", shapes{On: []bool{true}}},
		{"on", "true,false", shapes{On: []bool{true, false}}},
		{"ratios", "0.5", shapes{Ratios: []float64{0.5}}},
		{"waits", "1s", shapes{Waits: []time.Duration{time.Second}}},
		{"waits", "0", shapes{Waits: []time.Duration{0}}},
		{"pair", "1,2", shapes{Pair: [2]int{1, 2}}},
		{"pair", "[1,2]", shapes{Pair: [2]int{1, 2}}},
		{"pointer", "5353", shapes{Pointer: &[]int{5353}}},
		{"inner", "7", shapes{Inner: []*int{&n}}},
		{"any", "10", shapes{Any: []any{json.Number("10")}}},
		{"any", "a,10", shapes{Any: []any{"a", json.Number("10")}}},
		{"objects", `{"id":7}`, shapes{Objects: []extra{{ID: 7}}}},
		{"objects", `[{"id":7},{"id":8}]`, shapes{Objects: []extra{{ID: 7}, {ID: 8}}}},
		{"nested", "[[1],[2,3]]", shapes{Nested: [][]int{{1}, {2, 3}}}},
		{"key", "aGk=", shapes{Key: []byte("hi")}},
		{"key", "1234", shapes{Key: []byte{0xd7, 0x6d, 0xf8}}},
		{"key", "", shapes{Key: []byte{}}},
		{"key", "[104,105]", shapes{Key: []byte("hi")}},
		{"key", "104,105", shapes{Key: []byte("hi")}},
		{"levels", "3", shapes{Levels: []level{3}}},
		{"levels", "3,4", shapes{Levels: []level{3, 4}}},
		{"colours", "red", shapes{Colours: []colour{1}}},
		{"colours", "red,red", shapes{Colours: []colour{1, 1}}},
		{"sum", "AQID", shapes{Sum: [3]byte{1, 2, 3}}},
		{"token", "aGk=", shapes{Token: token("hi")}},
		{"raw", "5", shapes{Raw: json.RawMessage("5")}},
		{"raw", `{"a":1}`, shapes{Raw: json.RawMessage(`{"a":1}`)}},
		{"free", "10", shapes{Free: json.Number("10")}},
		{"free", "a,b", shapes{Free: "a,b"}},
	} {
		got, errs := readText(t, c.name, c.text)
		if len(got) != 2 || !reflect.DeepEqual(got[0], c.want) || !reflect.DeepEqual(got[1], c.want) {
			t.Errorf("%s=%s: %+v, %v", c.name, c.text, got, errs)
		}
	}
	got, errs := readText(t, "secrets", "10,hunter2")
	if len(got) != 2 || len(got[0].Secrets) != 2 || got[1].Secrets[0].Reveal() != "10" {
		t.Errorf("secrets: %v, %v", got, errs)
	}
}

func TestWhatIsNoListIsRefusedWithItsKeyAndNothingIsSetSilently(t *testing.T) {
	for _, c := range [][2]string{
		{"ports", "null"}, {"ports", "hunter2"}, {"ports", "1,hunter2"}, {"ports", `{"a":1}`}, {"ports", "[null]"}, {"ports", "[1"}, {"ports", `"1"`},
		{"hosts", "[10]"}, {"hosts", `["a",null]`}, {"on", "yes"}, {"pair", "1"}, {"pair", "1,2,3"}, {"pair", "null"},
		{"any", "null"}, {"objects", "null"}, {"objects", "hunter2"}, {"nested", "a"}, {"nested", "null"},
		{"key", "hunter2!"}, {"key", "null"}, {"sum", "AQI="}, {"sum", "null"}, {"raw", "null"}, {"free", "null"}, {"one", "null"}, {"map", "null"}, {"pointer", "null"},
		{"free", `{"a":1,"a":2}`}, {"free", `[{"a":{"b":1,"b":2}}]`}, {"map", `{"a":1,"a":2}`}, {"one", `{"id":1,"id":2}`}, {"objects", `[{"id":1,"id":2}]`}, {"raw", `{"a":1,"a":2}`},
		{"free", strings.Repeat("[", 200) + strings.Repeat("]", 200)},
	} {
		got, errs := readText(t, c[0], c[1])
		for _, err := range errs {
			if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), `key "`+c[0]) {
				t.Errorf("%s=%s: %+v, %v", c[0], c[1], got, err)
			}
			checkError(t, err)
		}
	}
}

func TestBytesAreReadFromFilesAndStoresToo(t *testing.T) {
	store := config.NewMemory(config.MemoryPolicy{})
	if _, err := store.Set(t.Context(), config.Configuration{Service: "orders", Key: "key", Value: "aGk="}); err != nil {
		t.Fatal(err)
	}
	for name, layer := range map[string]config.Layer{
		"json":    config.File(fileSource(t, "a.json", `{"key":"aGk="}`)),
		"numbers": config.File(fileSource(t, "a.json", `{"key":[104,105]}`)),
		"yaml":    config.File(fileSource(t, "a.yaml", "key: aGk=\n")),
		"block":   config.File(fileSource(t, "a.yaml", "key: |\n  aG\n  k=\n")),
		"store":   config.FromStore(store, "orders", ""),
	} {
		v, err := config.Load(shapes{}, layer)
		if err != nil || string(v.Get().Key) != "hi" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = v.Close()
	}
	_, err := config.Load(shapes{}, config.File(fileSource(t, "a.yaml", "key: hunter2!\n")))
	checkError(t, err, `key "key"`, "base64")
}

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
	for content, want := range map[string]string{
		"---\naddr: a\n": "a", "addr: a\n---\n": "a", "addr: a\n...\n": "a", "addr: a\n---\n# nothing\n\n": "a", "%YAML 1.1\n---\naddr: a\n...\n# end\n": "a",
		"# c\n---\n# d\naddr: a\n": "a", "addr: |\n  x\n  ---\n  y\n": "x\n---\ny\n", "addr: a---b\n": "a---b", "addr: '---'\n": "---", "--- {addr: a}\n": "a",
		"\xff\xfea\x00d\x00d\x00r\x00:\x00 \x00x\x00\n\x00": "x",
	} {
		v, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		if err != nil || v.Get().Addr != want {
			t.Errorf("%q: %v", content, err)
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
	for name, content := range map[string]string{"a.yaml": "any: " + object(10_000), "a.json": "{\"any\":" + strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(object(30_000), "k", `"k`), ":", `":`), ", }", "}") + "}"} {
		if v := mustLoad(t, config.File(fileSource(t, name, content))); v.Get().Any == nil {
			t.Errorf("%s: nothing is set", name)
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
		for name, content := range map[string]string{
			"a.json": `{"any":` + deep("[", "]", n) + `}`, "b.json": `{"any":` + deep(`{"a":`, "", n) + "1" + deep("", "}", n) + `}`,
			"a.yaml": "any: " + deep("[", "]", n), "b.yaml": "any: " + deep("{a: ", "", n) + "1" + deep("", "}", n), "c.yaml": "? " + deep("[", "]", n) + "\n: 1\n",
		} {
			path := fileSource(t, name, content)
			begin := time.Now()
			_, err := load(t, config.File(path))
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("%s of %d levels: %v", name, n, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s of %d levels took %s", name, n, took)
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
