package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/eventbus"
)

// attributes is the content of an event, whoever decoded it.
type attributes struct {
	id, source, kind, subject, key, schema, contentType string
	at                                                  time.Time
	data                                                string
	extensions                                          string
}

func attributesOf(e eventbus.Event) attributes {
	x := map[string]string{}
	for name, value := range e.Extensions {
		x[name] = value
	}
	return attributes{e.ID, e.Source, e.Type, e.Subject, e.Key, e.DataSchema, e.DataContentType, e.Time.UTC(), normalized(e.DataContentType, e.Data), fmt.Sprint(x)}
}

func attributesOfSDK(e ce.Event) attributes {
	x := map[string]string{}
	for name, value := range e.Extensions() {
		if name != "partitionkey" {
			x[name] = fmt.Sprint(value)
		}
	}
	key, _ := e.Extensions()["partitionkey"].(string)
	return attributes{e.ID(), e.Source(), e.Type(), e.Subject(), key, e.DataSchema(), e.DataContentType(), e.Time().UTC(), normalized(e.DataContentType(), e.Data()), fmt.Sprint(x)}
}

// normalized returns data in a normal form if it is JSON.
func normalized(contentType string, data []byte) string {
	var v any
	if (contentType == "" || contentType == "application/json" || contentType == "text/json") && json.Unmarshal(data, &v) == nil {
		data, _ = json.Marshal(v)
	}
	return string(data)
}

// documents are structured events as others write them, which we and the SDK must read in
// the same way. Types that end in +json are missing: the SDK reads their data as text,
// although section 3.1 of the format says that it is JSON.
var documents = []string{
	`{"specversion":"1.0","id":"1","source":"/orders","type":"placed"}`,
	`{"type":"placed","data":{"a":[1,null,"x"]},"source":"/orders","id":"1","specversion":"1.0"}`,
	`{"specversion":"1.0","id":"1","source":"urn:x:y","type":"placed","subject":"o-7","time":"2018-04-05T17:31:00.123456789+02:00","dataschema":"https://x/y#z"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"a \"b\" é \u00e9 \ud83d\ude00 <&>"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","data":"a \"b\"","datacontenttype":"text/plain; charset=utf-8"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/xml","data":"<much wow=\"xml\"/>"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/json","data":"a string"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/json","data":1.5e3}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/json","data":null}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/octet-stream","data_base64":"AAH/"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/json","data_base64":"eyJhIjoxfQ=="}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","traceparent":"00-1","n":5,"least":-2147483648,"flag":true,"off":false,"partitionkey":"k"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"t","subject":null,"datacontenttype":null,"dataschema":null,"tenant":null}`,
}

func TestCloudEventsOfOthersAreReadAsTheirSDKReadsThem(t *testing.T) {
	for _, doc := range documents {
		var ours eventbus.Event
		var theirs ce.Event
		if err := json.Unmarshal([]byte(doc), &ours); err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if err := json.Unmarshal([]byte(doc), &theirs); err != nil {
			t.Errorf("the SDK cannot read %s: %v", doc, err)
			continue
		}
		if us, them := attributesOf(ours), attributesOfSDK(theirs); us != them {
			t.Errorf("%s\n is to us   %+v\n to the SDK %+v", doc, us, them)
		}
		checkRoundTrip(t, ours)
	}
}

// checkRoundTrip checks that the SDK reads what we write, and that we read what it writes.
func checkRoundTrip(t interface {
	Errorf(format string, args ...any)
}, e eventbus.Event) {
	text, err := json.Marshal(e)
	var theirs ce.Event
	if err == nil {
		err = json.Unmarshal(text, &theirs)
	}
	if err == nil {
		err = theirs.Validate()
	}
	if err != nil {
		t.Errorf("the SDK does not read %s: %v", text, err)
		return
	}
	if us, them := attributesOf(e), attributesOfSDK(theirs); us != them {
		t.Errorf("%s\n is to us   %+v\n to the SDK %+v", text, us, them)
	}
	again, err := json.Marshal(theirs)
	var back eventbus.Event
	if err == nil {
		err = json.Unmarshal(again, &back)
	}
	if err != nil || attributesOf(back) != attributesOf(e) {
		t.Errorf("%s\n came back as %s: %+v, %v", text, again, attributesOf(back), err)
	}
	if !sameKinds(text, again) {
		t.Errorf("%s\n came back with other kinds of attributes: %s", text, again)
	}
}

// sameKinds reports whether both documents have their extensions as the same kinds of JSON.
func sameKinds(one, two []byte) bool {
	var a, b map[string]any
	_, _ = json.Unmarshal(one, &a), json.Unmarshal(two, &b)
	for name, v := range a {
		if name != "data" && name != "data_base64" && reflect.TypeOf(v) != reflect.TypeOf(b[name]) {
			return false
		}
	}
	return true
}

func TestOurEventsAreReadByTheSDKAndComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zA-Z0-9][a-zA-Z0-9 é<&"]{0,11}`)
		maybe := func(name string) string { return rapid.OneOf(rapid.Just(""), word).Draw(t, name) }
		e := eventbus.Event{
			ID: word.Draw(t, "id"), Source: rapid.StringMatching(`[a-z]{1,8}(/[a-z0-9]{1,4})?`).Draw(t, "source"), Type: word.Draw(t, "type"),
			Subject: maybe("subject"), Key: maybe("key"),
			Time: time.Unix(rapid.Int64Range(1, 4e9).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
		}
		if rapid.Bool().Draw(t, "schema") {
			e.DataSchema = "https://schemas.example/" + rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "path")
		}
		for _, name := range rapid.SliceOfN(rapid.StringMatching(`x[a-z0-9]{1,6}`), 0, 3).Draw(t, "extensions") {
			e = e.WithExtension(name, rapid.OneOf(word, rapid.SampledFrom([]string{"5", "true", "null"})).Draw(t, name))
		}
		switch rapid.IntRange(0, 4).Draw(t, "data") {
		case 1:
			e.DataContentType, e.Data = "application/json", []byte(`{"a":[1,null,"x<&>"]}`)
		case 2:
			e.DataContentType, e.Data = "application/octet-stream", rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes")
		case 3:
			e.DataContentType, e.Data = rapid.SampledFrom([]string{"text/plain", "text/plain; charset=utf-8", "application/xml", "image/svg+xml"}).Draw(t, "kind"), []byte(rapid.String().Draw(t, "text"))
		case 4:
			e.DataContentType, e.Data = "application/json", []byte(rapid.SampledFrom([]string{`"text"`, `5`, `null`, `true`, `{`, "\xff"}).Draw(t, "json"))
		}
		checkRoundTrip(t, e)
	})
}

func TestABatchIsAListOfEvents(t *testing.T) {
	batch := bytes.Join([][]byte{[]byte(documents[0]), []byte(documents[3])}, []byte(","))
	var ours []eventbus.Event
	var theirs []ce.Event
	text := append(append([]byte("["), batch...), ']')
	if err := json.Unmarshal(text, &ours); err != nil || len(ours) != 2 {
		t.Fatal(err)
	}
	written, err := json.Marshal(ours)
	if err == nil {
		err = json.Unmarshal(written, &theirs)
	}
	if err != nil || len(theirs) != 2 || string(theirs[1].Data()) != string(ours[1].Data) {
		t.Errorf("%s: %v", written, err)
	}
}

func TestWhatTheSDKRefusesWeRefuse(t *testing.T) {
	for _, doc := range []string{
		`{}`, `[]`, `{"specversion":"1.0","source":"s","type":"t"}`, `{"specversion":"1.0","id":"1","source":"s"}`, `{"specversion":"2.0","id":"1","source":"s","type":"t"}`,
		`{"specversion":"1.0","id":null,"source":"s","type":"t"}`, `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","x":{"a":1}}`, `{"specversion":"1.0","id":"1","source":"s","type":"t","x":[1]}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","bad-name":"x"}`, `{"specversion":"1.0","id":1,"source":"s","type":"t"}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"!"}`,
	} {
		var ours eventbus.Event
		var theirs ce.Event
		err := json.Unmarshal([]byte(doc), &theirs)
		if err == nil {
			err = theirs.Validate()
		}
		if ourErr := json.Unmarshal([]byte(doc), &ours); ourErr == nil || err == nil {
			t.Errorf("%s: we say %v, the SDK %v", doc, ourErr, err)
		}
	}
}
