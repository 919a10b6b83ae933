package apitest_test

import (
	"errors"
	"reflect"
	"slices"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/transport/rest"
)

type none = endpoint.None

// of is a JSON object of one member.
type of[T any] struct {
	V T `json:"v"`
}

type and[T any] struct {
	V T   `json:"v"`
	W int `json:"w"`
}

type left[T any] struct {
	V T `json:"v,omitempty"`
}

// query is a request of one query parameter.
type query[T any] struct {
	V T `query:"v" json:"-"`
}

type queries[T any] struct {
	V T   `query:"v" json:"-"`
	W int `query:"w" json:"-"`
}

type (
	two   string // open enums: any string can be read into them
	three string
	// closed enums refuse other values
	closedTwo   string
	closedThree string
)

func (two) Enum() []string         { return []string{"red", "blue"} }
func (three) Enum() []string       { return []string{"red", "blue", "green"} }
func (closedTwo) Enum() []string   { return two("").Enum() }
func (closedThree) Enum() []string { return three("").Enum() }

func (c *closedTwo) UnmarshalText(text []byte) error   { return refuse(text, c.Enum()) }
func (c *closedThree) UnmarshalText(text []byte) error { return refuse(text, c.Enum()) }

func (c closedTwo) MarshalText() ([]byte, error)   { return []byte(c), nil }
func (c closedThree) MarshalText() ([]byte, error) { return []byte(c), nil }

func refuse(text []byte, values []string) error {
	if !slices.Contains(values, string(text)) {
		return errors.New("no such value")
	}
	return nil
}

type oldNode struct {
	Name string     `json:"name"`
	Kids []*oldNode `json:"kids"`
}

type newNode struct {
	Name int        `json:"name"`
	Kids []*newNode `json:"kids"`
}

type (
	located struct {
		Location string `header:"Location" json:"-"`
		V        int    `json:"v"`
	}
	byID struct {
		ID string `path:"id" json:"-"`
	}
	byNumber struct {
		ID int `path:"id" json:"-"`
	}
	byOther struct {
		Other string `path:"other" json:"-"`
	}
	tagged struct {
		Tag string `header:"X-Tag" json:"-"`
	}
	whole struct {
		Page string `query:"page" json:"-"`
		V    string `json:"v"`
	}
)

type loop *loop

// Both types are named kind in the file.
func answerOfAnObject() any {
	type kind struct {
		V int `json:"v"`
	}
	return answer[of[kind]]()
}

func answerOfAMap() any {
	type kind map[string]kind
	return answer[of[kind]]()
}

func answer[T any]() any  { return rest.Route[none, T]{Pattern: "GET /x"} }
func request[T any]() any { return rest.Route[T, none]{Pattern: "PUT /x"} }
func asked[T any]() any   { return rest.Route[T, none]{Pattern: "GET /x"} }
func event[T any]() any   { return eventbus.Topic[T]{Name: "x.done"} }

// described is a contract that describes itself as it is.
type described contracts.Operation

func (d described) Describe() contracts.Operation { return contracts.Operation(d) }

func parameter(in string, required bool, schema map[string]any) any {
	return described{Kind: contracts.Route, Name: "GET /x", Parameters: []contracts.Parameter{{In: in, Name: "v", Required: required, Schema: schema}}}
}

func header(required bool, typ string) any {
	return described{Kind: contracts.Route, Name: "GET /x", Headers: []contracts.Parameter{{In: "header", Name: "X-V", Required: required, Schema: map[string]any{"type": typ}}}}
}

func method(request, answer reflect.Type) any {
	return described{Kind: contracts.Method, Name: "orders.Place", Request: contracts.Value{Type: request}, Answer: contracts.Value{Type: answer}}
}

var (
	text   = map[string]any{"type": "string"}
	intOf  = reflect.TypeFor[of[int]]()
	textOf = reflect.TypeFor[of[string]]()
)

const (
	noCaller     = ", or run go test -update if no caller of the old contract is left"
	noSubscriber = ", or run go test -update if no subscriber or stored event of the old contract is left"
)

// fieldOf is a method that answers with a message of one field.
func fieldOf(name string, schema map[string]any) any { return described(methodOf(name, schema)) }

func methodOf(name string, schema map[string]any) contracts.Operation {
	m := &contracts.Message{Name: "x.Answer", Types: map[string]map[string]any{
		"x.Answer": {"type": "object", "properties": map[string]any{name: schema}},
	}}
	return contracts.Operation{Kind: contracts.Method, Name: "/x.S/M", Answer: contracts.Value{Message: m}}
}

func streamOf(name string, schema map[string]any) any {
	op := methodOf(name, schema)
	op.Answer.Stream = true
	return described(op)
}

// with returns the schema of a field with another keyword.
func with(field map[string]any, keyword string, value any) map[string]any {
	field[keyword] = value
	return field
}

func field(number int, of, kind string) map[string]any {
	return map[string]any{"type": of, "x-number": number, "x-kind": kind}
}

// earlier reads the versions.
func earlier[T any](versions ...int) map[int]func([]byte) (T, error) {
	all := map[int]func([]byte) (T, error){}
	for _, version := range versions {
		all[version] = eventbus.Upcast(func(v T) (T, error) { return v, nil })
	}
	return all
}
