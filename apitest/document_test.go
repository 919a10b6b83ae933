package apitest

import (
	"slices"
	"strings"
	"testing"
)

// requestOf returns a contract whose request has the members.
func requestOf(t *testing.T, members string) *document {
	t.Helper()
	d, err := parse([]byte(`{"methods": {"x": {"request": {"type": "object", "members": {` + members + `}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARequiredMemberBreaksThoseWhoLeaveItOut(t *testing.T) {
	const v, required = `"v": {"type": "string"}`, `"v": {"type": "string", "required": true}`
	for _, c := range []struct{ old, new, want string }{
		{"", required, "x: v of the request is new, string, and required: accept requests without it"},
		{v, required, "x: v of the request was optional and is required: accept requests without it"},
		{required, v, ""},
		{required, required, ""},
		{"", v, ""},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want + ", or run go test -update if no caller of the old contract is left"}
		}
		if got := compare(requestOf(t, c.old), requestOf(t, c.new)); !slices.Equal(got, want) {
			t.Errorf("from {%s} to {%s} breaks %q, want %q", c.old, c.new, got, want)
		}
	}
}

func TestAFileThatGoldenDoesNotWriteIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "EOF",
		`{} {}`:                               "there is more after the contract",
		`{"rutes": {}}`:                       `unknown field "rutes"`,
		`{"routes": {"a": null}}`:             "a is null",
		`{"types": {"A": null}}`:              "type A is null",
		`{"types": {"A": {"type": "float"}}}`: `type A: "float" is no type of a JSON value`,
		`{"types": {"A": {"type": "list"}}}`:  `type A: the list has no "of"`,
		`{"types": {"A": {"type": "map", "of": {"ref": "B"}}}}`:                                  `type A: there is no type "B"`,
		`{"types": {"A": {"type": "object", "members": {"b": null}}}}`:                           "type A: member b is null",
		`{"types": {"A": {"type": "object", "members": {"b": {}}}}}`:                             `type A: member b: "" is no type`,
		`{"routes": {"a": {"parameters": [null]}}}`:                                              "a: a parameter is null",
		`{"methods": {"a": {"headers": [{"name": "B"}]}}}`:                                       `a: B: "" is no type`,
		`{"topics": {"a": {"event": {"type": "list", "of": {"type": "list", "of": {}}}}}}`:       `a: "" is no type`,
		`{"topics": {"a": {"event": {"type": "string", "min": "1"}}}}`:                           "cannot unmarshal",
		`{"topics": {"a": {"event": {"type": "object", "members": {"b": {"ref": "Nowhere"}}}}}}`: `a: member b: there is no type "Nowhere"`,
	} {
		if d, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %v with the error %v, want an error with %q", text, d, err, want)
		}
	}
}

func TestAFileHasALineForEachMember(t *testing.T) {
	const text = `{
  "routes": {
    "GET /x": {
      "parameters": [
        {"in": "query", "name": "q", "type": "string", "default": "<&>"}
      ],
      "answer": {
        "type": "list",
        "of": {
          "type": "object",
          "members": {
            "a": {"type": "string", "null": true},
            "b": {"type": "list", "of": {"ref": "B"}},
            "c": {
              "type": "string",
              "enum": ["confirmed", "delivered", "pending", "processing", "refunded", "shipped", "cancelled"]
            }
          }
        }
      }
    }
  },
  "types": {
    "B": {
      "type": "any"
    }
  }
}
`
	d, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.text()); got != text {
		t.Errorf("the file is\n%s\nwant\n%s", got, text)
	}
}
