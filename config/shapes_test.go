package config_test

import (
	"encoding/json"
	"errors"
	"flag"
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
	for _, c := range []struct {
		name  string
		layer config.Layer
	}{
		{name: "json", layer: config.File(fileSource(t, "a.json", `{"key":"aGk="}`))},
		{name: "numbers", layer: config.File(fileSource(t, "a.json", `{"key":[104,105]}`))},
		{name: "yaml", layer: config.File(fileSource(t, "a.yaml", "key: aGk=\n"))},
		{name: "block", layer: config.File(fileSource(t, "a.yaml", "key: |\n  aG\n  k=\n"))},
		{name: "store", layer: config.FromStore(store, "orders", "")},
	} {
		v, err := config.Load(shapes{}, c.layer)
		if err != nil || string(v.Get().Key) != "hi" {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_ = v.Close()
	}
	_, err := config.Load(shapes{}, config.File(fileSource(t, "a.yaml", "key: hunter2!\n")))
	checkError(t, err, `key "key"`, "base64")
}
