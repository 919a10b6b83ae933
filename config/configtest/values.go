package configtest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

func values() []rule {
	return []rule{
		{
			Name: "TypesAreKept", Check: typesAreKept,
			Sentence: "a value of each type comes back as it was, to the last digit",
		},
		{
			Name: "MisfitsAreRefused", Check: misfitsAreRefused,
			Sentence: "a value that does not fit its type, a type that does not exist, a text with one key twice or two documents, and a key that is no path are fault.InvalidArgument",
		},
		{
			Name: "CallersCannotReachInside", Check: callersCannotReachInside,
			Sentence: "a caller that changes what it gave or got does not change what is stored",
		},
	}
}

func typesAreKept(s *subject) {
	for i, v := range []struct {
		value any
		as    config.Type
		want  config.Type
		json  string
	}{
		{"text", "", config.String, `"text"`},
		{"12", config.String, config.String, `"12"`},
		{int64(9007199254740993), "", config.Number, `9007199254740993`},
		{json.Number("0.1"), config.Number, config.Number, `0.1`},
		{false, "", config.Boolean, `false`},
		{map[string]any{"port": 1, "hosts": []string{"a"}}, "", config.JSON, `{"hosts":["a"],"port":1}`},
		{[]any{1, nil}, config.JSON, config.JSON, `[1,null]`},
		{nil, "", config.JSON, `null`},
		{"port: 1\n", config.YAML, config.YAML, `"port: 1\n"`},
	} {
		c := s.configuration(fmt.Sprint("key", i), v.value)
		c.Type = v.as
		s.set(c)
		got := s.get(c.Key)
		if text, _ := json.Marshal(got.Value); got.Type != v.want || string(text) != v.json {
			s.Errorf("%#v as %q came back as %s %s", v.value, v.as, got.Type, text)
		}
	}
}

func misfitsAreRefused(s *subject) {
	bad := []config.Configuration{
		{Service: "", Key: "x", Value: 1}, {Service: s.service, Key: "", Value: 1}, {Service: s.service, Key: "a..b", Value: 1},
		{Service: s.service, Key: ".a", Value: 1}, {Service: s.service, Key: "a b", Value: 1}, {Service: s.service, Key: "x", Value: 1, Version: -1},
		{Service: s.service, Key: "x", Value: 1, Type: "integer"}, {Service: s.service, Key: "x", Value: make(chan int)},
	}
	for _, c := range []struct {
		value any
		types []config.Type
	}{
		{value: "text", types: []config.Type{config.Number, config.Boolean, config.YAML}},
		{value: 1, types: []config.Type{config.String, config.Boolean, config.YAML}},
		{value: true, types: []config.Type{config.String, config.Number, config.YAML}},
		{value: "a: [b", types: []config.Type{config.YAML}},
	} {
		for _, t := range c.types {
			bad = append(bad, config.Configuration{Service: s.service, Key: "x", Value: c.value, Type: t})
		}
	}
	for _, c := range []struct {
		text string
		t    config.Type
	}{
		{text: `{"a":{"b":1,"b":2}}`, t: config.JSON},
		{text: "a: 1\na: 2\n", t: config.YAML},
		{text: "a: 1\n---\nb: 2\n", t: config.YAML},
	} {
		bad = append(bad, config.Configuration{Service: s.service, Key: "x", Value: c.text, Type: c.t})
	}
	for _, c := range bad {
		if _, err := s.store.Set(s.ctx, c); !errors.Is(err, fault.InvalidArgument) {
			s.Errorf("%v as %q: %v", c, c.Type, err)
		}
	}
}

func callersCannotReachInside(s *subject) {
	inside := map[string]any{"port": "1"}
	s.set(s.configuration("x", inside))
	inside["port"] = "2"
	got, _ := s.get("x").Value.(map[string]any)
	if fmt.Sprint(got) != "map[port:1]" {
		s.Fatalf("after a change of what was given there is %v", got)
	}
	got["port"] = "3"
	if again := s.get("x").Value; fmt.Sprint(again) != "map[port:1]" {
		s.Errorf("after a change of what was got there is %v", again)
	}
}
