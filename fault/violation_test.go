package fault_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
)

// violation draws a violation whose members are within their bounds.
func violation(t *rapid.T) fault.Violation {
	text := rapid.StringN(0, 20, -1)
	v := fault.Violation{Detail: text.Draw(t, "detail")}
	if rapid.Bool().Draw(t, "in the body") {
		v.Pointer = strings.Join(rapid.SliceOf(rapid.StringMatching(`/([a-z0-9]|~0|~1){0,4}`)).Draw(t, "pointer"), "")
		return v
	}
	v.Parameter, v.In = text.Draw(t, "parameter"), rapid.SampledFrom([]string{"path", "query", "header", "cookie"}).Draw(t, "in")
	return v
}

func TestViolationsCrossTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := fault.InvalidArgument.Errorf("the request is wrong")
		for range rapid.IntRange(0, 20).Draw(t, "violations") {
			sent.Violations = append(sent.Violations, violation(t))
		}
		wire, err := json.Marshal(fault.ProblemOf(sent))
		var p fault.Problem
		if err == nil {
			err = json.Unmarshal(wire, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Err().Violations; !reflect.DeepEqual(got, sent.Violations) {
			t.Fatalf("sent %+v, got %+v by %s", sent.Violations, got, wire)
		}
	})
}

func TestAViolationHasEitherAPointerOrAParameter(t *testing.T) {
	for _, tt := range []struct {
		v          fault.Violation
		json, text string
	}{
		{fault.Violation{Detail: "it is wrong"}, `{"pointer":"","detail":"it is wrong"}`, "it is wrong"},
		{fault.Violation{Pointer: "/lines/0/a~1b~0", Detail: "no"}, `{"pointer":"/lines/0/a~1b~0","detail":"no"}`, "lines[0].a/b~: no"},
		{fault.Violation{Pointer: "/0/x", Detail: "no"}, `{"pointer":"/0/x","detail":"no"}`, "[0].x: no"},
		{fault.Violation{Pointer: "/x"}, `{"pointer":"/x","detail":""}`, "x"},
		{fault.Violation{Parameter: "limit", In: "query", Detail: "no"}, `{"parameter":"limit","in":"query","detail":"no"}`, "query parameter limit: no"},
		{fault.Violation{Parameter: "id", In: "path", Detail: "no"}, `{"parameter":"id","in":"path","detail":"no"}`, "path variable id: no"},
		{fault.Violation{Parameter: "X-A", In: "header", Detail: "no"}, `{"parameter":"X-A","in":"header","detail":"no"}`, "header X-A: no"},
		{fault.Violation{Parameter: "s", In: "cookie", Detail: "no"}, `{"parameter":"s","in":"cookie","detail":"no"}`, "cookie s: no"},
		{fault.Violation{Parameter: "p", Detail: "no"}, `{"parameter":"p","detail":"no"}`, "parameter p: no"},
		{fault.Violation{In: "query", Detail: "no"}, `{"parameter":"","in":"query","detail":"no"}`, "the query: no"},
	} {
		if text, err := json.Marshal(tt.v); string(text) != tt.json || err != nil {
			t.Errorf("%+v is written as %s (%v), want %s", tt.v, text, err, tt.json)
		}
		if got := tt.v.Error(); got != tt.text {
			t.Errorf("%+v reads %q, want %q", tt.v, got, tt.text)
		}
	}
}

func TestViolationsAreBoundedInBothDirections(t *testing.T) {
	long := strings.Repeat("é", 10_000)
	many := make([]fault.Violation, 1000)
	for n := range many {
		many[n] = fault.Violation{Pointer: "/first/" + long + "/b", Parameter: long, In: long, Detail: long}
	}
	failed := &fault.Error{Code: fault.InvalidArgument, Violations: many}
	sent := fault.ProblemOf(failed)
	for direction, got := range map[string][]fault.Violation{"sent": sent.Errors, "received": fault.Problem{Status: 400, Errors: many}.Err().Violations} {
		if len(got) != 20 {
			t.Errorf("%d violations are %s, want the first 20", len(got), direction)
		}
		for _, v := range got {
			if v.Pointer != "/first" || len(v.Parameter) > 600 || len(v.In) > 600 || len(v.Detail) > 600 || !utf8.ValidString(v.Parameter+v.In+v.Detail) {
				t.Errorf("%s is a violation with a pointer of %d bytes and %d bytes of detail", direction, len(v.Pointer), len(v.Detail))
			}
		}
	}
	if len(many[0].Detail) != len(long) || len(failed.Violations) != 1000 {
		t.Error("the Error itself has changed")
	}
}

func TestForeignViolationsAreReadAsFarAsTheyCanBe(t *testing.T) {
	for document, want := range map[string][]fault.Violation{
		`{"errors":[{"detail":"must be a positive integer","pointer":"#/age"},{"pointer":"#/a%20b","detail":7}]}`: {{Pointer: "/age", Detail: "must be a positive integer"}, {Pointer: "/a b"}},
		`{"errors":[{"pointer":"#/%zz"},{"name":"x","in":null}]}`:                                                 {{Pointer: "#/%zz"}, {}},
		`{"errors":{"age":["must be positive"]}}`:                                                                 nil,
		`{"errors":["age"]}`: nil,
		`{"errors":null}`:    nil,
	} {
		var p fault.Problem
		if err := json.Unmarshal([]byte(document), &p); err != nil || !reflect.DeepEqual(p.Err().Violations, want) {
			t.Errorf("%s is read as %+v, want %+v (%v)", document, p.Err().Violations, want, err)
		}
	}
	var v fault.Violation
	if err := json.Unmarshal([]byte(`"age"`), &v); err == nil {
		t.Error("a string is read as a violation")
	}
}

func TestAWrappedErrorDoesNotInheritViolations(t *testing.T) {
	inner := fault.InvalidArgument.Errorf("no")
	inner.Violations = []fault.Violation{{Pointer: "/theirs"}}
	if got := fault.Internal.Errorf("stock: %w", inner); got.Violations != nil {
		t.Errorf("it has %+v", got.Violations)
	}
	if v, ok := errors.AsType[fault.Violation](errors.Join(errors.New("other"), fault.Violation{Pointer: "/own"})); !ok || v.Pointer != "/own" {
		t.Errorf("errors.As finds %+v", v)
	}
}
