package apitest_test

import (
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/transport/rest"
)

type (
	oneType struct {
		Data []byte `body:"image/png"`
	}
	twoTypes struct {
		Data []byte `body:"image/png, text/csv"`
	}
	anyImage struct {
		Data []byte `body:"image/*"`
	}
)

// rules has one case for each rule: what breaks has its sentence, what passes has none.
var rules = []struct {
	name     string
	old, new any
	want     string
}{
	// Operations.
	{"a route is new", answer[of[int]](), []any{answer[of[int]](), rest.Route[none, none]{Pattern: "GET /y"}}, ""},
	{"a route is gone", []any{answer[of[int]](), rest.Route[none, none]{Pattern: "GET /y"}}, answer[of[int]](),
		"GET /y: the route is gone: bring it back beside the others" + noCaller},
	{"a route beside one that ends in a slash", []any{rest.Route[none, none]{Pattern: "GET /x/{$}"}, rest.Route[byID, none]{Pattern: "GET /x/{id}"}},
		[]any{rest.Route[none, none]{Pattern: "GET /x/{$}"}, rest.Route[byID, none]{Pattern: "GET /x/{id}"}}, ""},
	{"the method is another", rest.Route[none, none]{Pattern: "POST /x"}, rest.Route[none, none]{Pattern: "PUT /x"},
		"POST /x: the route is gone, and its path has PUT alone: bring it back beside the others" + noCaller},
	{"the status is another", rest.Route[none, of[int]]{Pattern: "PUT /x"}, rest.Route[none, of[int]]{Pattern: "PUT /x", Status: http.StatusCreated},
		"PUT /x: the status of a success was 200 and is 201: set Status to 200" + noCaller},
	{"a route is keyed", rest.Route[none, none]{Pattern: "POST /x"}, rest.Route[none, none]{Pattern: "POST /x", Keyed: true}, ""},
	{"a route is no longer keyed", rest.Route[none, none]{Pattern: "POST /x", Keyed: true}, rest.Route[none, none]{Pattern: "POST /x"},
		"POST /x: the idempotency key was obeyed and is ignored, so that a repeat acts again: set Keyed" + noCaller},
	{"a route is strict", request[of[int]](), rest.Route[of[int], none]{Pattern: "PUT /x", Strict: true},
		"PUT /x: the request was lenient and is strict, which refuses members that were ignored: leave Strict unset" + noCaller},
	{"a route is lenient", rest.Route[of[int], none]{Pattern: "PUT /x", Strict: true}, request[of[int]](), ""},
	{"a request can be smaller than before", request[of[int]](), rest.Route[of[int], none]{Pattern: "PUT /x", MaxBody: 1000},
		"PUT /x: the request could have 1048576 bytes and can have 1000: set MaxBody to what it was" + noCaller},
	{"a request can be larger", rest.Route[of[int], none]{Pattern: "PUT /x", MaxBody: 1000}, request[of[int]](), ""},
	{"a request has no body any more", request[of[int]](), request[none](),
		"PUT /x: the request had a body, ofint, and has none: bring it back" + noCaller},
	{"a request gets a body", request[none](), request[of[int]](),
		"PUT /x: the request had no body and must have one: make a route of its own for what has a body" + noCaller},
	{"an answer has no body any more", answer[of[int]](), rest.Route[none, none]{Pattern: "GET /x", Status: 200},
		"GET /x: the answer had a body, ofint, and has none: bring it back" + noCaller},
	{"an answer gets a body", rest.Route[none, none]{Pattern: "GET /x", Status: 200}, answer[of[int]](), ""},
	{"a request of bytes may have fewer types", rest.Route[twoTypes, none]{Pattern: "PUT /x"}, rest.Route[oneType, none]{Pattern: "PUT /x"},
		"PUT /x: the request was image/png or text/csv and can no longer be \"text/csv\": accept it again" + noCaller},
	{"a request of bytes may have more types", rest.Route[oneType, none]{Pattern: "PUT /x"}, rest.Route[anyImage, none]{Pattern: "PUT /x"}, ""},
	{"an answer of bytes may have more types", rest.Route[none, oneType]{Pattern: "GET /x"}, rest.Route[none, twoTypes]{Pattern: "GET /x"},
		"GET /x: the answer was image/png and can be \"text/csv\", too, which its readers refuse: first let all readers accept unknown values, or add a member beside it" + noCaller},
	{"an answer of JSON becomes one of bytes", rest.Route[none, of[int]]{Pattern: "GET /x"}, rest.Route[none, oneType]{Pattern: "GET /x"},
		"GET /x: the answer was ofint and is image/png: bring back what it was" + noCaller},
	{"a value of a stream is another", rest.Route[none, iter.Seq2[of[int], error]]{Pattern: "GET /x"}, rest.Route[none, iter.Seq2[of[string], error]]{Pattern: "GET /x"},
		"GET /x: v of the answer was integer and is string: bring it back, and add a member beside it" + noCaller},
	{"a stream has events", rest.Route[none, iter.Seq2[of[int], error]]{Pattern: "GET /x"}, rest.Route[none, iter.Seq2[rest.Event[of[int]], error]]{Pattern: "GET /x"}, ""},
	{"an answer becomes a stream", rest.Route[none, of[int]]{Pattern: "GET /x"}, rest.Route[none, iter.Seq2[of[int], error]]{Pattern: "GET /x"},
		"GET /x: the answer was ofint and is stream of ofint: bring back what it was" + noCaller},
	{"a topic is gone", []any{event[int](), eventbus.Topic[int]{Name: "y"}}, event[int](),
		"y: the topic is gone: publish it on, beside what replaces it" + noSubscriber},
	{"a topic has no order any more", eventbus.Topic[int]{Name: "y", Key: func(int) string { return "" }}, eventbus.Topic[int]{Name: "y"},
		"y: the topic had a key and has none, so that its events have no order: give it its Key again" + noSubscriber},
	{"a topic has a higher version and reads the one before", eventbus.Topic[int]{Name: "y"},
		eventbus.Topic[string]{Name: "y", Version: 2, Earlier: earlier[string](1)}, ""},
	{"a topic has a higher version and does not read the one before", eventbus.Topic[int]{Name: "y"}, eventbus.Topic[string]{Name: "y", Version: 2},
		"y: the topic no longer reads events of version 1: add version 1 to Earlier" + noSubscriber},
	{"a topic does not read an older version any more", eventbus.Topic[int]{Name: "y", Version: 3, Earlier: earlier[int](1, 2)},
		eventbus.Topic[int]{Name: "y", Version: 3, Earlier: earlier[int](2)},
		"y: the topic no longer reads events of version 1: add version 1 to Earlier" + noSubscriber},
	{"a topic has a lower version", eventbus.Topic[int]{Name: "y", Version: 2, Earlier: earlier[int](1)}, eventbus.Topic[int]{Name: "y"},
		"y: the topic had version 2 and has version 1: set Version to 2, or to a higher one" + noSubscriber},
	{"a topic reads more versions", eventbus.Topic[int]{Name: "y", Version: 2}, eventbus.Topic[int]{Name: "y", Version: 2, Earlier: earlier[int](1)}, ""},
	{"a topic has an order", eventbus.Topic[int]{Name: "y"}, eventbus.Topic[int]{Name: "y", Key: func(int) string { return "" }}, ""},
	{"a method is gone", []any{answer[none](), method(intOf, intOf)}, answer[none](),
		"orders.Place: the method is gone: bring it back beside the others" + noCaller},
	{"a method answers with another type", method(intOf, intOf), method(intOf, textOf),
		"orders.Place: v of the answer was integer and is string: bring it back, and add a member beside it" + noCaller},

	// Messages of Protocol Buffers.
	{"a field is gone", fieldOf("v", field(1, "integer", "int32")), fieldOf("w", field(2, "integer", "int32")),
		"/x.S/M: v of the answer was integer (int32) and is gone: bring it back beside what replaces it" + noCaller},
	{"a field has another number", fieldOf("v", field(1, "integer", "int32")), fieldOf("v", field(2, "integer", "int32")),
		"/x.S/M: v of the answer had the number 1 and has 2: give it its number back" + noCaller},
	{"a field has another kind", fieldOf("v", field(1, "integer", "int32")), fieldOf("v", field(1, "integer", "sint32")),
		"/x.S/M: v of the answer was integer (int32) and is integer (sint32): bring it back, and add a member beside it" + noCaller},
	{"an answer is a stream", fieldOf("v", field(1, "integer", "int32")), streamOf("v", field(1, "integer", "int32")),
		"/x.S/M: the answer was x.Answer and is stream of x.Answer: bring back what it was" + noCaller},
	{"a field of a stream has another number", streamOf("v", field(1, "integer", "int32")), streamOf("v", field(2, "integer", "int32")),
		"/x.S/M: v of the answer had the number 1 and has 2: give it its number back" + noCaller},

	{"a field has another name in JSON", fieldOf("v", field(1, "integer", "int32")), fieldOf("v", with(field(1, "integer", "int32"), "x-json-name", "w")),
		"/x.S/M: v of the answer had its usual name in JSON and has the name w: give it its json_name back" + noCaller},
	{"a field moves into a oneof", fieldOf("v", with(field(1, "integer", "int32"), "x-presence", true)), fieldOf("v", with(field(1, "integer", "int32"), "x-oneof", "of")),
		"/x.S/M: v of the answer was in no oneof and is in the oneof of, so that it clears other fields, or is cleared by them: put it back, and add a field beside it" + noCaller},
	{"a field moves out of a oneof", fieldOf("v", with(field(1, "integer", "int32"), "x-oneof", "of")), fieldOf("v", field(1, "integer", "int32")),
		"/x.S/M: v of the answer was in the oneof of and is in no oneof, so that it clears other fields, or is cleared by them: put it back, and add a field beside it" + noCaller},
	{"a field cannot be absent", fieldOf("v", with(field(1, "integer", "int32"), "x-presence", true)), fieldOf("v", field(1, "integer", "int32")),
		"/x.S/M: v of the answer could be absent and cannot be told from its zero value: make it optional again" + noCaller},
	{"a field can be absent", fieldOf("v", field(1, "integer", "int32")), fieldOf("v", with(field(1, "integer", "int32"), "x-presence", true)),
		"/x.S/M: v of the answer was zero where it was not sent and can be absent: leave it without optional" + noCaller},

	// Parameters.
	{"a variable of the path has another name", rest.Route[byID, none]{Pattern: "GET /x/{id}"}, rest.Route[byOther, none]{Pattern: "GET /x/{other}"}, ""},
	{"a variable of the path is another type", rest.Route[byID, none]{Pattern: "GET /x/{id}"}, rest.Route[byNumber, none]{Pattern: "GET /x/{id}"},
		"GET /x/{id}: path variable id was string and is integer: bring back what it was" + noCaller},
	{"a parameter is new", asked[query[int]](), asked[queries[int]](), ""},
	{"a parameter is gone", asked[queries[int]](), asked[query[int]](),
		"GET /x: query parameter w was integer and is gone, so that it is ignored: accept it again" + noCaller},
	{"a parameter is in another place", asked[query[string]](), asked[tagged](),
		"GET /x: query parameter v was string and is gone, so that it is ignored: accept it again" + noCaller},
	{"a parameter is wider", asked[query[int8]](), asked[query[int]](), ""},
	{"a parameter is narrower", asked[query[int]](), asked[query[int8]](),
		"GET /x: query parameter v was integer and is integer from -128 to 127: bring back what it was" + noCaller},
	{"a parameter can be a list", asked[query[int]](), asked[query[[]int]](), ""},
	{"a parameter cannot be a list any more", asked[query[[]int]](), asked[query[int]](),
		"GET /x: query parameter v was list of integer and is integer: bring back what it was" + noCaller},
	{"a parameter has fewer values", asked[query[three]](), asked[query[two]](),
		`GET /x: query parameter v was one of blue, green, red and can no longer be "green": accept it again` + noCaller},
	{"a number has fewer values", parameter("query", false, map[string]any{"type": "integer", "enum": []any{1, 2}}), parameter("query", false, map[string]any{"type": "integer", "enum": []any{2}}),
		`GET /x: query parameter v was one of 1, 2 and can no longer be "1": accept it again` + noCaller},
	{"a parameter has more values", asked[query[two]](), asked[query[three]](), ""},
	{"a parameter is required", parameter("query", false, text), parameter("query", true, text),
		"GET /x: query parameter v was optional and is required: accept requests without it" + noCaller},
	{"a parameter is new and required", answer[none](), described{Kind: contracts.Route, Name: "GET /x", Status: 204, Parameters: []contracts.Parameter{{In: "cookie", Name: "v", Required: true, Schema: text}}},
		"GET /x: cookie v is new, string, and required: accept requests without it" + noCaller},
	{"a parameter is optional", parameter("header", true, text), parameter("header", false, text), ""},
	{"a default is another", parameter("query", false, map[string]any{"type": "integer", "default": 20}), parameter("query", false, map[string]any{"type": "integer", "default": 50}),
		"GET /x: query parameter v was 20 where it is absent, and is 50: bring the default back" + noCaller},
	{"a default is gone", parameter("query", false, map[string]any{"type": "integer", "default": 20}), parameter("query", false, map[string]any{"type": "integer"}),
		"GET /x: query parameter v was 20 where it is absent, and is nothing: bring the default back" + noCaller},
	{"a default is new", parameter("query", false, text), parameter("query", false, map[string]any{"type": "string", "default": "a"}), ""},
	{"a header of the answer is new", answer[of[int]](), answer[located](), ""},
	{"a header of a route's answer is gone", answer[located](), answer[of[int]](),
		"GET /x: header Location of the answer was string and is gone: bring it back" + noCaller},
	{"a header of the answer is gone", header(true, "string"), described{Kind: contracts.Route, Name: "GET /x"},
		"GET /x: header X-V of the answer was string and is gone: bring it back" + noCaller},
	{"a header of the answer is optional", header(true, "string"), header(false, "string"),
		"GET /x: header X-V of the answer was always there and is optional: write it always" + noCaller},

	// What callers send.
	{"a member of a request is new", request[of[int]](), request[and[int]](), ""},
	{"a member of a request is gone", request[and[int]](), request[of[int]](),
		"PUT /x: w of the request was integer and is gone, so that what callers send in it is ignored: accept it again" + noCaller},
	{"a member of a strict request is gone", rest.Route[and[int], none]{Pattern: "PUT /x", Strict: true}, rest.Route[of[int], none]{Pattern: "PUT /x", Strict: true},
		"PUT /x: w of the request was integer and is gone, and the route is strict and refuses it: accept it again" + noCaller},
	{"a member of a request is in the query", request[of[string]](), request[query[string]](),
		"PUT /x: the request had a body, ofstring, and has none: bring it back" + noCaller},
	{"a request is another type", request[of[int]](), request[of[string]](),
		"PUT /x: v of the request was integer and is string: bring it back, and add a member beside it" + noCaller},
	{"a request accepts more numbers", request[of[int8]](), request[of[float64]](), ""},
	{"a request accepts fewer numbers", request[of[float64]](), request[of[int]](),
		"PUT /x: v of the request was number and is integer: bring it back, and add a member beside it" + noCaller},
	{"a request accepts no large numbers", request[of[uint64]](), request[of[int64]](),
		"PUT /x: v of the request was integer of 0 or more and is integer: bring it back, and add a member beside it" + noCaller},
	{"a request accepts any string", request[of[time.Time]](), request[of[string]](), ""},
	{"a request accepts times alone", request[of[string]](), request[of[time.Time]](),
		"PUT /x: v of the request was string and is string (date-time): bring it back, and add a member beside it" + noCaller},
	{"a request accepts anything", request[of[int]](), request[of[any]](), ""},
	{"a request accepts null", request[of[int]](), request[of[*int]](), ""},
	{"a request does not accept null", request[of[*int]](), request[of[int]](),
		"PUT /x: v of the request could be null and cannot: make it a pointer again" + noCaller},
	{"a request has fewer values", request[of[three]](), request[of[two]](),
		`PUT /x: v of the request was one of blue, green, red and can no longer be "green": accept it again` + noCaller},
	{"a request has more values", request[of[closedTwo]](), request[of[closedThree]](), ""},
	{"a request has a list of values", request[of[string]](), request[of[two]](),
		"PUT /x: v of the request was string and must be one of blue, red: accept any other again" + noCaller},
	{"a request has no list of values", request[of[two]](), request[of[string]](), ""},
	{"an element of a request is another type", request[of[[]map[string]int]](), request[of[[]map[string]bool]](),
		"PUT /x: v[][*] of the request was integer and is boolean: bring it back, and add a member beside it" + noCaller},
	{"keys of a request are another type", request[of[map[string]int]](), request[of[map[int]int]](),
		"PUT /x: v of the request was map of integer and is map of integer with keys like ^-?(0|[1-9][0-9]*)$: bring it back, and add a member beside it" + noCaller},
	{"a member of a request is a parameter, too", rest.Route[of[string], none]{Pattern: "PUT /x"}, rest.Route[whole, none]{Pattern: "PUT /x"}, ""},

	// What callers read.
	{"a member of an answer is new", answer[of[int]](), answer[and[int]](), ""},
	{"a member of an answer is gone", answer[and[int]](), answer[of[int]](),
		"GET /x: w of the answer was integer and is gone: bring it back beside what replaces it" + noCaller},
	{"an answer is another type", answer[of[int]](), answer[of[string]](),
		"GET /x: v of the answer was integer and is string: bring it back, and add a member beside it" + noCaller},
	{"an answer is a list", answer[of[int]](), answer[[]of[int]](),
		"GET /x: the answer was ofint and is list of ofint: bring back what it was" + noCaller},
	{"an answer has fewer numbers", answer[of[float64]](), answer[of[int8]](), ""},
	{"an answer has more numbers", answer[of[int32]](), answer[of[int64]](),
		"GET /x: v of the answer was integer from -2147483648 to 2147483647 and is integer: bring it back, and add a member beside it" + noCaller},
	{"an answer has times alone", answer[of[string]](), answer[of[time.Time]](), ""},
	{"an answer has any string", answer[of[time.Time]](), answer[of[string]](),
		"GET /x: v of the answer was string (date-time) and is string: bring it back, and add a member beside it" + noCaller},
	{"an answer can be anything", answer[of[int]](), answer[of[json.RawMessage]](),
		"GET /x: v of the answer was integer and is any: bring it back, and add a member beside it" + noCaller},
	{"an answer can be null", answer[of[int]](), answer[of[*int]](),
		"GET /x: v of the answer was never null and can be: always give it a value, or add a member beside it" + noCaller},
	{"an answer is never null", answer[of[*int]](), answer[of[int]](), ""},
	{"a member of an answer can be absent", answer[of[int]](), answer[left[int]](),
		"GET /x: v of the answer was always there and is optional: write it always, without omitempty and omitzero" + noCaller},
	{"a member of an answer is always there", answer[left[int]](), answer[of[int]](), ""},
	{"an answer has fewer values", answer[of[closedThree]](), answer[of[closedTwo]](), ""},
	{"an answer has a value that its readers refuse", answer[of[closedTwo]](), answer[of[closedThree]](),
		`GET /x: v of the answer was one of blue, red and can be "green", too, which its readers refuse: first let all readers accept unknown values, or add a member beside it` + noCaller},
	{"an answer has a value that its readers accept", answer[of[two]](), answer[of[three]](), ""},
	{"an answer has no list of values", answer[of[closedTwo]](), answer[of[string]](),
		"GET /x: v of the answer was one of blue, red and can be any other, which its readers refuse: bring the list of values back" + noCaller},
	{"an array has another size", answer[of[[2]int]](), answer[of[[3]int]](),
		"GET /x: v of the answer was list of 2 × integer and is list of 3 × integer: bring it back, and add a member beside it" + noCaller},
	{"a recursive answer is another type", answer[oldNode](), answer[newNode](),
		"GET /x: name of the answer was string and is integer: bring it back, and add a member beside it" + noCaller},
	{"a type of requests is answered, too", []any{request[of[int]]()}, []any{request[of[int]](), answer[of[int]]()}, ""},
	{"a type is nothing but a pointer to itself", answer[of[loop]](), answer[of[loop]](), ""},
	{"an answer is another type of the same name", answerOfAnObject(), answerOfAMap(),
		"GET /x: v of the answer was object and is map of kind: bring it back, and add a member beside it" + noCaller},
	{"a header of the answer is another type", header(true, "string"), header(true, "integer"),
		"GET /x: header X-V of the answer was string and is integer: bring back what it was" + noCaller},
	{"a struct is a map", answer[of[of[int]]](), answer[of[map[string]int]](),
		"GET /x: v of the answer was ofint and is map of integer: bring it back, and add a member beside it" + noCaller},
	{"a map of anything is a struct", answer[of[map[string]any]](), answer[of[of[int]]](), ""},
	{"a member has blanks and dots in its name", answer[struct {
		V int `json:"a b.c"`
	}](), answer[struct{}](),
		`GET /x: "a b.c" of the answer was integer and is gone: bring it back beside what replaces it` + noCaller},
	{"a named type has another name", answer[of[oldNode]](), answer[of[struct {
		Name string     `json:"name"`
		Kids []*oldNode `json:"kids"`
	}]](), ""},

	// Events, which new subscribers read that were published before.
	{"a member of an event is new", event[of[int]](), event[and[int]](), ""},
	{"a member of an event is gone", event[and[int]](), event[of[int]](),
		"x.done: w of the event was integer and is gone: bring it back beside what replaces it" + noSubscriber},
	{"an event has more numbers", event[of[int]](), event[of[float64]](),
		"x.done: v of the event was integer and is number: bring it back, and add a member beside it" + noSubscriber},
	{"an event has fewer numbers", event[of[float64]](), event[of[int]](),
		"x.done: v of the event was number and is integer: bring it back, and add a member beside it" + noSubscriber},
	{"an event has fewer values", event[of[three]](), event[of[two]](),
		`x.done: v of the event was one of blue, green, red and can no longer be "green": accept it again` + noSubscriber},
	{"an event can be null", event[of[int]](), event[of[*int]](),
		"x.done: v of the event was never null and can be: always give it a value, or add a member beside it" + noSubscriber},
	{"an event is never null", event[of[*int]](), event[of[int]](), ""},
}

func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			got := breaks(t, r.old, r.new)
			if want := wanted(r.want); !slices.Equal(got, want) {
				t.Errorf("it breaks\n%q, want\n%q", got, want)
			}
		})
	}
}

func wanted(sentence string) []string {
	if sentence == "" {
		return nil
	}
	return []string{sentence}
}
