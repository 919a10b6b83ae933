package eventbus_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

func TestEventComesBackFromItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z0-9 é"/]{1,12}`)
		e := eventbus.Event{
			ID: text.Draw(t, "id"), Source: text.Draw(t, "source"), Type: text.Draw(t, "type"),
			Subject: rapid.OneOf(rapid.Just(""), text).Draw(t, "subject"), Key: rapid.OneOf(rapid.Just(""), text).Draw(t, "key"),
			Time: time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "time"), 0).UTC(),
		}
		switch rapid.IntRange(0, 2).Draw(t, "data") {
		case 1:
			e.DataContentType, e.Data = "application/json; charset=utf-8", []byte(`{"a":[1,null,"x"]}`)
		case 2:
			e.DataContentType, e.Data = "application/octet-stream", rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes")
		}
		if rapid.Bool().Draw(t, "extended") {
			e.Extensions = map[string]string{"traceparent": "00-x", "n1": "1"}
		}
		doc, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back eventbus.Event
		if err := json.Unmarshal(doc, &back); err != nil || !reflect.DeepEqual(e, back) {
			t.Fatalf("%s became %+v (%v)", doc, back, err)
		}
	})
}

func TestDataThatIsNotJSONIsEncoded(t *testing.T) {
	e := eventbus.Event{ID: "1", Source: "s", Type: "t", Data: []byte("{\xff")}
	doc, err := json.Marshal(e)
	var back eventbus.Event
	if err == nil {
		err = json.Unmarshal(doc, &back)
	}
	if err != nil || string(back.Data) != "{\xff" {
		t.Errorf("%s: %q %v", doc, back.Data, err)
	}
}

func TestDataIsDecodedByItsContentType(t *testing.T) {
	for doc, want := range map[string]string{
		`"datacontenttype":"text/plain","data":"a \"b\" é \u00e9"`:    `a "b" é é`,
		`"datacontenttype":"text/plain; charset=utf-8","data":""`:     ``,
		`"datacontenttype":"application/xml","data":"<a x=\"1\"/>"`:   `<a x="1"/>`,
		`"datacontenttype":"text/plain","data_base64":"YQ=="`:         `a`,
		`"datacontenttype":"text/plain","data":{"a":1}`:               `{"a":1}`,
		`"datacontenttype":"application/octet-stream","data":"plain"`: `plain`,
		`"datacontenttype":"application/json","data":"a"`:             `"a"`,
		`"datacontenttype":"application/vnd.x+json","data":"a"`:       `"a"`,
		`"datacontenttype":"text/json","data":"a"`:                    `"a"`,
		`"data":"a"`:                        `"a"`,
		`"datacontenttype":null,"data":"a"`: `"a"`,
		`"data":null`:                       `null`,
		`"data":null,"data_base64":"YQ=="`:  `a`,
		`"data":{"a":1},"data_base64":null`: `{"a":1}`,
	} {
		var e eventbus.Event
		err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t",`+doc+`}`), &e)
		if err != nil || string(e.Data) != want || e.Data == nil {
			t.Errorf("%s: %q, %v", doc, e.Data, err)
			continue
		}
		text, err := json.Marshal(e)
		var back eventbus.Event
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || string(back.Data) != want {
			t.Errorf("%s became %s: %q, %v", doc, text, back.Data, err)
		}
	}
	var e eventbus.Event
	if err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":null}`), &e); err != nil || e.Data != nil {
		t.Errorf("text that is null: %q, %v", e.Data, err)
	}
	for kind, member := range map[string]string{"text/plain": `"data":"a \"b\""`, "image/svg+xml": `"data":"a \"b\""`, "image/png": `"data_base64":"YSAiYiI="`} {
		text, err := json.Marshal(eventbus.Event{ID: "1", Source: "s", Type: "t", DataContentType: kind, Data: []byte(`a "b"`)})
		if err != nil || !strings.Contains(string(text), member) {
			t.Errorf("%s: %s, %v", kind, text, err)
		}
	}
}

func TestANullMemberCountsAsMissing(t *testing.T) {
	var e eventbus.Event
	err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","subject":null,"time":null,"partitionkey":null,
		"dataschema":null,"datacontenttype":null,"tenant":null,"data_base64":null}`), &e)
	if err != nil || !reflect.DeepEqual(e, eventbus.Event{ID: "1", Source: "s", Type: "t"}) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, name := range []string{"specversion", "id", "source", "type"} {
		doc := map[string]any{"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
		doc[name] = nil
		text, _ := json.Marshal(doc)
		if err := json.Unmarshal(text, &e); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestExtensionsKeepTheirJSONType(t *testing.T) {
	const doc = `{"big":"99999999999","flag":true,"id":"1","n":-5,"source":"s","specversion":"1.0","text":"5","type":"t"}`
	var e eventbus.Event
	if err := json.Unmarshal([]byte(doc), &e); err != nil || e.Extensions["n"] != "-5" || e.Extensions["flag"] != "true" || e.Extensions["text"] != "5" {
		t.Fatalf("%+v, %v", e, err)
	}
	if text, err := json.Marshal(e); err != nil || string(text) != doc {
		t.Errorf("%s became %s, %v", doc, text, err)
	}
	if text, err := json.Marshal(e.WithExtension("n", "many")); err != nil || !strings.Contains(string(text), `"n":"many"`) {
		t.Errorf("%s, %v", text, err)
	}
	for _, value := range []string{`{}`, `[1]`} {
		if err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","x":`+value+`}`), &e); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("an extension that is %s: %v", value, err)
		}
	}
}

func TestEventThatIsNoCloudEventIsRefused(t *testing.T) {
	for _, doc := range []string{
		`[]`, `{}`, `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, `{"specversion":"1.0","id":"","source":"s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","Bad-Name":"x"}`, `{"specversion":"1.0","id":1,"source":"s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"YQ=="}`,
	} {
		e := eventbus.Event{ID: "kept"}
		if err := json.Unmarshal([]byte(doc), &e); !errors.Is(err, fault.InvalidArgument) || e.ID != "kept" {
			t.Errorf("%s: %v, and the event is %+v", doc, err, e)
		}
	}
	if _, err := json.Marshal(eventbus.Event{ID: "1", Source: "s", Type: "t", Extensions: map[string]string{"data": "x"}}); err == nil {
		t.Error("an extension took the name of an attribute")
	}
}

func FuzzEvent(f *testing.F) {
	f.Add(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":1},"traceparent":"00-1"}`)
	f.Add(`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"AAE=","n":5}`)
	f.Fuzz(func(t *testing.T, doc string) {
		var e eventbus.Event
		if json.Unmarshal([]byte(doc), &e) != nil {
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", doc, err)
		}
		var back eventbus.Event
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%q became %s: %v", doc, text, err)
		}
	})
}

func TestATimeIsWrittenInAZoneThatRFC3339Allows(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 1172)),
		time.Date(1890, 1, 1, 0, 0, 0, 7, time.FixedZone("LMT", -17762)),
		time.Date(9999, 12, 31, 23, 30, 0, 0, time.UTC).In(time.FixedZone("", 3600)),
		time.Date(0, 1, 1, 0, 30, 0, 0, time.UTC).In(time.FixedZone("", -3600)),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 25*3600)),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", -24*3600)),
		time.Date(2026, 1, 1, 0, 0, 0, 5, time.FixedZone("", 5*3600+45*60)),
		time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)),
	} {
		text, err := json.Marshal(eventbus.Event{ID: "1", Source: "s", Type: "t", Time: at})
		var back eventbus.Event
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || !back.Time.Equal(at) {
			t.Errorf("%s comes back as %s from %s: %v", at, back.Time, text, err)
		}
	}
}

func TestATimeIsReadAsRFC3339HasIt(t *testing.T) {
	want := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, text := range []string{"2017-01-01t00:00:00z", "2017-01-01T00:00:00z", "2016-12-31T23:59:60Z", "2017-01-01T01:59:60+02:00"} {
		var e eventbus.Event
		err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"`+text+`"}`), &e)
		if err != nil || !e.Time.Equal(want) {
			t.Errorf("%s is %s: %v", text, e.Time, err)
		}
	}
}

func TestAnEventThatCannotBeEncodedIsRefused(t *testing.T) {
	for _, members := range []string{
		`"id":"2"`, `"source":"x"`, `"x":"a","x":"b"`, `"data":1,"data":2`, `"data":null,"data":2`, `"\u0069d":"2"`, `"data_base64":[104,105]`, `"data_base64":{}`, `"time":60`, `"time":"9999-12-31T23:59:60Z"`,
	} {
		var e eventbus.Event
		if err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t",`+members+`}`), &e); !errors.Is(err, fault.InvalidArgument) || e.ID != "" {
			t.Errorf("%s is read as %+v: %v", members, e, err)
		}
	}
	for _, text := range []string{`[]`, `1`, `"{}"`, `{}`} {
		if err := json.Unmarshal([]byte(text), new(eventbus.Event)); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, spoil := range map[string]func(*eventbus.Event){
		"id": func(e *eventbus.Event) { e.ID = "\xff" }, "source": func(e *eventbus.Event) { e.Source = "\xff" }, "type": func(e *eventbus.Event) { e.Type = "\xff" },
		"subject": func(e *eventbus.Event) { e.Subject = "\xff" }, "partitionkey": func(e *eventbus.Event) { e.Key = "\xff" },
		"datacontenttype": func(e *eventbus.Event) { e.DataContentType = "\xff" }, "dataschema": func(e *eventbus.Event) { e.DataSchema = "\xff" },
		"tenant": func(e *eventbus.Event) { e.Extensions = map[string]string{"tenant": "\xff"} },
	} {
		e := eventbus.Event{ID: "1", Source: "s", Type: "t"}
		spoil(&e)
		if text, err := json.Marshal(e); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), name) {
			t.Errorf("an event whose %s is no UTF-8 is written as %s: %v", name, text, err)
		}
	}
}
