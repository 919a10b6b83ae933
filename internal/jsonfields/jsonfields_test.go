package jsonfields_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// tags are tags with every effect that one can have on a name, and some with none.
var tags = []string{
	"", `json:"a"`, `json:"b"`, `json:"A"`, `json:"-"`, `json:"-,"`, `json:",omitempty"`, `json:"a,omitzero"`, `json:",string"`,
	`json:"b,omitempty,string"`, `json:"a\"b"`, `json:"ü"`, `json:"x y"`, `json:" "`, `yaml:"a"`, `json:"a;b"`, `json:"c`,
}

var kinds = []reflect.Type{
	reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[*int](), reflect.TypeFor[float64](),
}

// structs draws struct types that embed others. Some types are drawn more than once, so
// that two fields may embed the same.
func structs(depth int, drawn *[]reflect.Type) *rapid.Generator[reflect.Type] {
	return rapid.Custom(func(t *rapid.T) reflect.Type {
		var fields []reflect.StructField
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D"}), 0, 4, rapid.ID).Draw(t, "names") {
			f := reflect.StructField{Name: name, Tag: reflect.StructTag(rapid.SampledFrom(tags).Draw(t, "tag"))}
			switch form := rapid.IntRange(0, 4).Draw(t, "form"); {
			case form == 0:
				f.Name, f.PkgPath, f.Type = "unexported"+name, "example.org", kinds[0]
			case form <= 2 || depth == 0:
				f.Type = rapid.SampledFrom(kinds).Draw(t, "kind")
			default:
				f.Anonymous = true
				if len(*drawn) > 0 && rapid.Bool().Draw(t, "again") {
					f.Type = rapid.SampledFrom(*drawn).Draw(t, "type")
				} else {
					f.Type = structs(depth-1, drawn).Draw(t, "embedded")
				}
				if form == 4 {
					f.Type = reflect.PointerTo(f.Type)
				}
			}
			fields = append(fields, f)
		}
		s := reflect.StructOf(fields)
		*drawn = append(*drawn, s)
		return s
	})
}

// agrees fails the test unless Of and encoding/json see the same members of t.
func agrees(t rapid.TB, typ reflect.Type) {
	t.Helper()
	fields := jsonfields.Of(typ)
	names := map[string]bool{}
	objects := map[string]bool{} // omitempty has no effect on them
	var always []string          // members that are written even if all is zero
	for _, f := range fields {
		if names[f.Name] {
			t.Fatalf("%s: the member %q is listed twice", typ, f.Name)
		}
		names[f.Name] = true
		if f.Type.Kind() == reflect.Struct {
			objects[f.Name] = true
		} else if !f.Optional {
			always = append(always, f.Name)
		}
	}

	zero := members(t, reflect.New(typ).Elem())
	maps.DeleteFunc(zero, func(name string, _ json.RawMessage) bool { return objects[name] })
	slices.Sort(always)
	if got := slices.Sorted(maps.Keys(zero)); !slices.Equal(got, always) {
		t.Fatalf("%s: encoding/json writes %q of the zero value, want those that are not Optional: %q", typ, got, always)
	}

	whole := reflect.New(typ).Elem()
	for i, f := range fields {
		at, ok := f.Set(whole)
		if !ok {
			t.Fatalf("%s: %q cannot be set", typ, f.Name)
		}
		if at = filled(at); at.Kind() != reflect.Struct {
			at.Set(reflect.ValueOf(i + 1).Convert(at.Type()))
		}
		if got, ok := f.Get(whole); !ok || reflect.Indirect(got) != at && reflect.Indirect(got).Interface() != at.Interface() {
			t.Fatalf("%s: Get does not find what Set has returned for %q", typ, f.Name)
		}
	}
	written := members(t, whole)
	for name := range written {
		if !names[name] {
			t.Fatalf("%s: encoding/json writes %q, which is not listed", typ, name)
		}
	}
	for i, f := range fields {
		if pointed(f.Type).Kind() == reflect.Struct {
			continue
		}
		want := strconv.Itoa(i + 1)
		if f.Quoted {
			want = strconv.Quote(want)
		}
		if got := string(written[f.Name]); got != want {
			t.Fatalf("%s: encoding/json writes %q as %s, want %s", typ, f.Name, got, want)
		}
	}

	read := reflect.New(typ)
	text, err := json.Marshal(written)
	if err == nil {
		err = json.Unmarshal(text, read.Interface())
	}
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	for i, f := range fields {
		got, ok := f.Get(read.Elem())
		if pointed(f.Type).Kind() == reflect.Struct {
			continue
		}
		if !ok || fmt.Sprint(reflect.Indirect(got)) != fmt.Sprint(i+1) {
			t.Fatalf("%s: encoding/json reads %q into another field than %v", typ, f.Name, f.Index)
		}
	}
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// filled returns v, or what v points to and is made to.
func filled(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return v.Elem()
	}
	return v
}

func members(t rapid.TB, v reflect.Value) map[string]json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatalf("%s: %v", v.Type(), err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("%s: %v", v.Type(), err)
	}
	return all
}

func TestFieldsAreThoseOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { agrees(t, structs(3, new([]reflect.Type)).Draw(t, "type")) })
}

type (
	base struct{ Level, Name int }
	Deep struct {
		*Deeper
	}
	Deeper struct{ Level, Bottom int }
	Number int
	secret int //nolint:unused // encoding/json ignores it where it is embedded
	Tagged struct{ base }
	Named  struct{ Tagged }
	Chain  struct { // embeds itself
		*Chain
	}
	Twice struct {
		Left
		Right
	}
	Left    struct{ Shared }
	Right   struct{ Shared }
	Shared  struct{ X, Y int }
	Quantum struct {
		Left
		Deep
		base
		Number
		secret     //nolint:unused // encoding/json ignores it
		Y      int `json:"y"`
	}
)

func TestFieldsOfNamedTypesAreThoseOfEncodingJSON(t *testing.T) {
	for _, v := range []any{
		base{}, Deep{}, Named{}, Twice{}, Quantum{}, Chain{},
		struct {
			*Deep
			*Shared
			Name int
		}{},
		struct {
			Left   `json:"left,omitempty"`
			*Right `json:"right"`
			Other  int `json:"-,"`
		}{},
		struct {
			Number `json:",string"`
			Other  int `json:"-,"`
		}{},
		struct {
			Left
			Right
			X int `json:"x"`
		}{},
	} {
		agrees(t, reflect.TypeOf(v))
	}
}

type hidden struct{ Level int }

func TestAnEmbeddedPointerThatIsNotExportedCannotBeSet(t *testing.T) {
	type settings struct {
		*hidden
	}
	fields := jsonfields.Of(reflect.TypeFor[settings]())
	if len(fields) != 1 || fields[0].Name != "Level" {
		t.Fatalf("the fields are %v, want Level", fields)
	}
	var s settings
	if _, ok := fields[0].Set(reflect.ValueOf(&s).Elem()); ok {
		t.Error("Set finds a field to set, want none")
	}
	if _, ok := fields[0].Get(reflect.ValueOf(s)); ok {
		t.Error("Get finds a field within a nil pointer")
	}
}

func ExampleOf() {
	type Page struct {
		Limit int `json:"limit,omitempty"`
	}
	type Search struct {
		*Page
		Text   string `json:"q"`
		Secret string `json:"-"`
	}
	for _, f := range jsonfields.Of(reflect.TypeFor[Search]()) {
		fmt.Println(f.Name, f.Index, f.Optional)
	}
	// Output:
	// limit [0 0] true
	// q [1] false
}
