package jsonschema_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/jsonschema"
)

// object returns the schema of a T in a request, as JSON.
func object[T any](exact bool) string {
	c := jsonschema.NewCollection()
	c.Input, c.Exact = true, exact
	text, _ := json.Marshal(c.Object(reflect.TypeFor[T](), nil))
	return string(text)
}

func TestTagsAreInTheSchema(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"a text": {
			object[struct {
				A string `json:"a" doc:"A name." example:"Ann" schema:"minLength=1,maxLength=9"`
			}](false),
			`"a":{"description":"A name.","examples":["Ann"],"maxLength":9,"minLength":1,"type":"string"}`,
		},
		"a number": {
			object[struct {
				A int `json:"a" example:"12" schema:"minimum=0,required"`
			}](false),
			`"a":{"examples":[12],"minimum":0,"type":"integer"}},"required":["a"]`,
		},
		"a pattern with a comma": {
			object[struct {
				A string `json:"a" schema:"required,pattern=^a{1,2}$"`
			}](false),
			`"a":{"pattern":"^a{1,2}$","type":"string"}},"required":["a"]`,
		},
		"a list that must be there": {
			object[struct {
				A []int `json:"a" schema:"required,minItems=1" example:"[1]"`
			}](false),
			`"a":{"examples":[[1]],"items":{"type":"integer"},"minItems":1,"type":"array"}},"required":["a"]`,
		},
		"an enum that must be there": {
			object[struct {
				A *open `json:"a" schema:"required"`
			}](true),
			`"a":{"enum":["a","b"],"type":"string"}},"required":["a"]`,
		},
		"a time that may be null": {
			object[struct {
				A *time.Time `json:"a" doc:"When." example:"2026-01-02T15:04:05Z"`
			}](false),
			`"a":{"anyOf":[{"format":"date-time","type":"string"},{"type":"null"}],"description":"When.","examples":["2026-01-02T15:04:05Z"]}`,
		},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s: the schema is %s, want %s in it", name, c.got, c.want)
		}
	}
}

func TestATagThatSaysNothingPanics(t *testing.T) {
	for name, describe := range map[string]func(){
		"an unknown keyword": func() {
			object[struct {
				A int `json:"a" schema:"least=1"`
			}](false)
		},
		"a keyword without a value": func() {
			object[struct {
				A int `json:"a" schema:"minimum"`
			}](false)
		},
		"an example that is no JSON": func() {
			object[struct {
				A int `json:"a" example:"one"`
			}](false)
		},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "field A") {
					t.Errorf("%s: the panic is %q, want one that names field A", name, text)
				}
			}()
			describe()
		}()
	}
}

type demanding struct {
	A string `json:"a" schema:"required"`
}

func TestAnExactSchemaAllowsNullWhereItIsTheZeroValue(t *testing.T) {
	type all struct {
		Text  string      `json:"text"`
		Times []time.Time `json:"times"`
		Must  demanding   `json:"must"`
		May   *demanding  `json:"may"`
		Each  []demanding `json:"each"`
	}
	got := object[all](true)
	for _, want := range []string{
		`"text":{"type":["string","null"]}`,
		`"times":{"items":{"anyOf":[{"format":"date-time","type":"string"},{"type":"null"}]},"type":["array","null"]}`,
		`"must":{"$ref":"#/components/schemas/demanding"}`,
		`"may":{"anyOf":[{"$ref":"#/components/schemas/demanding"},{"type":"null"}]}`,
		`"each":{"items":{"$ref":"#/components/schemas/demanding"},"type":["array","null"]}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the schema is %s, want %s in it", got, want)
		}
	}
}

type amount int64

func (amount) MarshalJSON() ([]byte, error) { return []byte("1.5"), nil }

func (*amount) UnmarshalJSON([]byte) error { return nil }

func (amount) JSONSchema() map[string]any { return map[string]any{"type": "number", "minimum": 0} }

func TestATypeThatEncodesItselfMayDescribeItself(t *testing.T) {
	type both struct {
		A amount  `json:"a" schema:"maximum=9"`
		B *amount `json:"b"`
	}
	got := object[both](false)
	for _, want := range []string{`"a":{"maximum":9,"minimum":0,"type":"number"}`, `"b":{"minimum":0,"type":["number","null"]}`} {
		if !strings.Contains(got, want) {
			t.Errorf("the schema is %s, want %s in it", got, want)
		}
	}
}

func TestAPatternMayHaveTheWordRequired(t *testing.T) {
	type tagged struct {
		Word string `json:"word" schema:"pattern=optional,required"`
	}
	c := jsonschema.NewCollection()
	c.Input = true
	s := c.Object(reflect.TypeFor[tagged](), nil)
	if s["required"] != nil {
		t.Errorf("the schema requires %v; want nothing", s["required"])
	}
}
