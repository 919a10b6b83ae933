package apitest

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/contracts"
)

// kinds are the types of members that contain no others.
var kinds = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[*uint8](), reflect.TypeFor[float64](), reflect.TypeFor[bool](),
	reflect.TypeFor[any](), reflect.TypeFor[[]byte](), reflect.TypeFor[map[string]*int](), reflect.TypeFor[recursive](), reflect.TypeFor[[]*recursive](),
}

type recursive struct {
	Name string      `json:"name"`
	Kids []recursive `json:"kids,omitempty"`
}

// types draws struct types.
func types(depth int) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		var fields []reflect.StructField
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D"}), 1, 4, rapid.ID).Draw(t, "names") {
			typ := rapid.SampledFrom(kinds).Draw(t, "kind")
			if depth > 0 && rapid.IntRange(0, 2).Draw(t, "form") == 0 {
				typ = types(depth-1).Draw(t, "type")
				if rapid.Bool().Draw(t, "list") {
					typ = reflect.SliceOf(typ)
				}
			}
			fields = append(fields, field(name, typ, rapid.SampledFrom([]string{"", ",omitempty"}).Draw(t, "option")))
		}
		return reflect.StructOf(fields)
	})
}

func field(name string, typ reflect.Type, option string) reflect.StructField {
	return reflect.StructField{Name: name, Type: typ, Tag: reflect.StructTag(`json:"` + strings.ToLower(name) + option + `"`)}
}

// contract draws operations of each kind.
func contract(t *rapid.T) []contracts.Operation {
	value := func(name string) contracts.Value {
		if rapid.IntRange(0, 4).Draw(t, name+" is none") == 0 {
			return contracts.Value{}
		}
		return contracts.Value{Type: types(2).Draw(t, name)}
	}
	var all []contracts.Operation
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"GET /a", "PUT /a", "POST /b/{id}", "GET /c/{id}", "GET /c/{$}", "GET /c/{rest...}"}), 1, 6, rapid.ID).Draw(t, "routes") {
		o := contracts.Operation{
			Kind: contracts.Route, Name: name, Status: rapid.IntRange(200, 202).Draw(t, "status"), Keyed: rapid.Bool().Draw(t, "keyed"),
			Strict: rapid.Bool().Draw(t, "strict"), MaxBody: rapid.Int64Range(0, 1000).Draw(t, "most"),
			Request: value("request"), Answer: value("answer"),
		}
		for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "parameters") {
			o.Parameters = append(o.Parameters, contracts.Parameter{
				In: rapid.SampledFrom([]string{"query", "header", "cookie"}).Draw(t, "in"), Name: p, Required: rapid.Bool().Draw(t, "required"),
				Schema: map[string]any{"type": "string", "default": rapid.SampledFrom([]any{"", "<&>", 1.5}).Draw(t, "default")},
			})
		}
		all = append(all, o)
	}
	return append(all,
		contracts.Operation{Kind: contracts.Topic, Name: "t", Ordered: rapid.Bool().Draw(t, "ordered"), Event: contracts.Value{Type: types(2).Draw(t, "event")}},
		contracts.Operation{Kind: contracts.Method, Name: "m", Request: value("request"), Answer: value("answer")},
	)
}

// saved returns the document as it is read from a file.
func saved(t *rapid.T, d *document) *document {
	read, err := parse(d.text())
	if err != nil {
		t.Fatalf("the file cannot be read: %v\n%s", err, d.text())
	}
	return read
}

func TestAContractIsCompatibleWithItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		operations := contract(t)
		d := documentOf(operations)
		if broken := compare(saved(t, d), d); broken != nil {
			t.Fatalf("it breaks itself: %q", broken)
		}
	})
}

func TestAFileIsTheSameAfterItIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documentOf(contract(t))
		if first, second := d.text(), saved(t, d).text(); !bytes.Equal(first, second) {
			t.Fatalf("the file was\n%s\nand is\n%s", first, second)
		}
	})
}

func TestAnOptionalMemberBreaksNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := contract(t)
		new := slices.Clone(old)
		i := rapid.IntRange(0, len(new)-1).Draw(t, "operation")
		o := &new[i]
		v := rapid.SampledFrom([]*contracts.Value{&o.Request, &o.Answer, &o.Event}).Draw(t, "value")
		if v.Type == nil {
			t.Skip("there is nothing to add to")
		}
		v.Type = reflect.StructOf(append(fieldsOf(v.Type), field("E", rapid.SampledFrom(kinds).Draw(t, "kind"), ",omitempty")))
		if broken := compare(saved(t, documentOf(old)), documentOf(new)); broken != nil {
			t.Fatalf("it breaks: %q", broken)
		}
	})
}

func fieldsOf(t reflect.Type) (all []reflect.StructField) {
	for f := range t.Fields() {
		all = append(all, f)
	}
	return all
}

func TestWhateverIsTakenOutOfAnAnswerBreaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := contract(t)
		var answers []int
		for i, o := range old {
			if o.Answer.Type != nil {
				answers = append(answers, i)
			}
		}
		if answers == nil {
			t.Skip("there is no answer")
		}
		i := rapid.SampledFrom(answers).Draw(t, "operation")
		new := documentOf(old)
		answer := new.of(old[i].Kind)[old[i].Name].Answer
		objects := objectsOf(answer)
		object := objects[rapid.IntRange(0, len(objects)-1).Draw(t, "object")]
		delete(object.Members, rapid.SampledFrom(slices.Sorted(maps.Keys(object.Members))).Draw(t, "member"))
		if broken := compare(documentOf(old), new); len(broken) != 1 || !strings.HasPrefix(broken[0], old[i].Name+": ") {
			t.Fatalf("it breaks %q, want one sentence about %s", broken, old[i].Name)
		}
	})
}

// objectsOf returns the objects in a shape that are of no named type.
func objectsOf(s *shape) (all []*shape) {
	if s.Of != nil {
		all = append(all, objectsOf(s.Of)...)
	}
	if s.Members != nil {
		all = append(all, s)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Members)) {
		all = append(all, objectsOf(&s.Members[name].shape)...)
	}
	return all
}
