package eventbus_test

import (
	"encoding/json"
	"errors"
	"reflect"
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

func TestDataThatIsNoJSONStillTravels(t *testing.T) {
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

func TestEventThatIsNoCloudEventIsRefused(t *testing.T) {
	for _, doc := range []string{
		`[]`, `{}`, `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, `{"specversion":"1.0","id":"","source":"s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","Bad-Name":"x"}`, `{"specversion":"1.0","id":1,"source":"s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"}`,
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
