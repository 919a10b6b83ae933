package config

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/retry"
)

type fuzzed struct {
	Text   string                    `json:"text"`
	Number int64                     `json:"number"`
	Small  uint8                     `json:"small"`
	Ratio  float32                   `json:"ratio"`
	Wait   time.Duration             `json:"wait"`
	On     bool                      `json:"on"`
	List   []fuzzed                  `json:"list"`
	Map    map[string]fuzzed         `json:"map"`
	Next   *fuzzed                   `json:"next"`
	Any    any                       `json:"any"`
	Retry  retry.Policy              `json:"retry"`
	Pair   [2]int                    `json:"pair"`
	Since  time.Time                 `json:"since"`
	Deep   map[string]map[string]any `json:"deep"`
	Secret Secret                    `json:"secret"`
}

// given is a layer for tests.
type given []Entry

func (g given) Read(context.Context) ([]Entry, error) { return g, nil }

func (g given) Watch(context.Context, func(error)) {}

func fuzzBuild(t *testing.T, entries ...Entry) (any, error) {
	t.Helper()
	defaults := fuzzed{Map: map[string]fuzzed{"a": {Number: 1}}, Next: &fuzzed{Text: "x"}, List: []fuzzed{{}}}
	b := &builder{
		defaults: reflect.ValueOf(&defaults).Elem(), names: namesIn(reflect.TypeFor[fuzzed]()),
		layers: []Layer{given(entries)}, accepted: make([][]part, 1),
	}
	next, err := b.build(t.Context())
	if err != nil && strings.Contains(err.Error(), "panicked") {
		t.Fatal(err)
	}
	if err != nil || !next.IsValid() {
		return nil, err
	}
	// Merging, which copies, must not lose anything that decoding alone finds.
	alone := clone(b.defaults)
	var d decoder
	for _, p := range b.accepted[0] {
		d.decode(p.tree(), alone, "")
	}
	if len(d.flaws) > 0 {
		t.Fatalf("it was accepted, and alone it is refused: %v", d.flaws)
	}
	if len(entries) == 1 && !reflect.DeepEqual(alone.Interface(), next.Interface()) {
		t.Fatalf("merged %+v\nalone %+v", next.Interface(), alone.Interface())
	}
	return next.Interface(), nil
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","number":1,"small":255,"ratio":0.5,"wait":"1s","on":true,"list":[{"number":1}],"map":{"a":{"text":"b"}}}`,
		"text: a\nnext: {next: {next: {number: 0x10}}}\nany: {1: 2, true: [a, {3: 4}]}\n", "deep: {a.b: {c.d: 1}}\nsince: 2026-01-02\n",
		"pair: [1, 2]\nretry: {attempts: 3, backoff: 1s}", "number: 1e400\nratio: .inf\nany: .nan", "<<: &a {text: b}\nnext: *a", "? [a]\n: b", "\"\": 1", "a\n b: c", "secret: !!binary aGk=",
		`{"number":-9223372036854775808}`, `{"number":9.007199254740993e15}`, "null", "{}", "text: !!str 1\nany: ~", "any: [[{1: 2}]]",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, content []byte, asJSON bool) {
		parser := parseYAML
		if asJSON {
			parser = parseJSONObject
		}
		var tree map[string]any
		err := recoverPanic(func() (err error) {
			tree, err = parse(content, parser)
			return err
		})
		if err != nil {
			return
		}
		if strings.Contains(strings.ToLower(string(content)), "nan") {
			return // it is unequal to itself
		}
		_, _ = fuzzBuild(t, Entry{Origin: "file", Value: tree})
	})
}

func FuzzVariable(f *testing.F) {
	for _, text := range []string{"1", "-1", "a,b", `{"a":1}`, "[1,2]", "true", "1s", "", " ", "1e9", `"x"`, "null", "2026-01-02T03:04:05Z", "[{}]"} {
		for _, name := range []string{"NUMBER", "LIST", "NEXT_NEXT", "MAP", "RETRY_BACKOFF", "RETRY", "ANY", "SINCE", "PAIR", "WAIT"} {
			f.Add(name, text)
		}
	}
	names := namesIn(reflect.TypeFor[fuzzed]())
	f.Fuzz(func(t *testing.T, name, text string) {
		s, err := names.find(name, "variable")
		if err != nil || s == nil {
			return
		}
		_, err = fuzzBuild(t, Entry{Origin: "variable", Path: name, Value: text, Text: true})
		if s.typ.Kind() == reflect.String && err != nil {
			t.Fatalf("%q is refused for a string: %v", text, err)
		}
	})
}

func FuzzConfiguration(f *testing.F) {
	f.Add([]byte(`{"service":"s","key":"a.b","value":{"x":[1,"2",null]},"type":"json"}`))
	f.Add([]byte(`{"service":"s","key":"a","value":"x","encrypted":true}`))
	f.Add([]byte(`{"service":"s","key":"a","value":"a: b","type":"yaml","encrypted":true}`))
	f.Add([]byte(`{"service":"s","key":"a","value":1e999,"type":"number"}`))
	key := NewSecretKey()
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Configuration
		if json.Unmarshal(data, &c) != nil {
			return
		}
		c.Version = 0
		m := NewMemory(MemoryPolicy{Key: key})
		stored, err := m.Set(t.Context(), c)
		if (err == nil) != (c.Validate() == nil) {
			t.Fatalf("Set gave %v, Validate %v", err, c.Validate())
		}
		if err != nil {
			return
		}
		got, err := m.Get(t.Context(), c.Service, c.Environment, c.Key)
		if err != nil || !reflect.DeepEqual(got, stored) {
			t.Fatalf("Get gave %+v, %v after %+v", got, err, stored)
		}
		again, err := m.Set(t.Context(), got)
		if err != nil || !reflect.DeepEqual(again.Value, got.Value) || again.Type != got.Type {
			t.Fatalf("written back it is %+v, %v", again, err)
		}
		if _, err := got.entry(); err != nil {
			t.Fatalf("what was accepted is no entry: %v", err)
		}
	})
}
