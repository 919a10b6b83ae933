package eventbustest

import (
	"bytes"
	"fmt"
	"maps"
	"strings"

	"github.com/sinew-go/sinew/eventbus"
)

// payloads are the rules for what an event may contain.
var payloads = []rule{
	{
		Name:     "payloads",
		Sentence: "Data arrives as it was published: empty, large, or any bytes.",
		Check: func(s *subject) {
			random := make([]byte, s.LargestData)
			for i := range random {
				random[i] = byte(i*i>>8 ^ i) // hardly compressible
			}
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			s.checkArrival(map[string]eventbus.Event{
				"none":       {},
				"empty":      {DataContentType: "application/octet-stream", Data: []byte{}},
				"empty text": {DataContentType: "text/plain", Data: []byte{}},
				"all bytes":  {DataContentType: "application/octet-stream", Data: all},
				"zeros":      {DataContentType: "text/plain", Data: make([]byte, 1000)},
				"no UTF-8":   {DataContentType: "text/plain", Data: []byte("\xff\xfe")},
				"no JSON":    {DataContentType: "application/json", Data: []byte(`{"a":`)},
				"JSON":       {Data: []byte(`{"a":[1,null,"ä"]}`)},
				"XML":        {DataContentType: "application/xml", Data: []byte("<a>ä</a>")},
				"large":      {DataContentType: "application/octet-stream", Data: random},
			})
		},
	},
	{
		Name:     "attributes",
		Sentence: "Attributes and extensions arrive as they were published, whatever text they are.",
		Check: func(s *subject) {
			s.checkArrival(map[string]eventbus.Event{
				"types":      {DataContentType: `text/plain; charset="utf-8"`, DataSchema: "https://schemas.example/order#1", Data: []byte("a")},
				"letters":    {Subject: "ä/ö?ü=%41&\"x\"", Key: "Straße 7, 日本", Source: "/orders?x=ä", Type: "order.plaçed"},
				"many":       {Extensions: map[string]string{"traceparent": "00-1", "tenant": "ä \"b\"", "empty": "", "number": "5", "flag": "true", "x1": "a,b;c=d"}},
				"long":       {Subject: strings.Repeat("s", 4000), Key: strings.Repeat("k", 4000), Extensions: map[string]string{"long": strings.Repeat("x", 4000)}},
				"whitespace": {Subject: " a\tb ", Key: " k ", Extensions: map[string]string{"space": " x "}},
			})
		},
	},
}

// checkArrival publishes events and compares them with those that arrive.
func (s *subject) checkArrival(events map[string]eventbus.Event) {
	seen := newLog()
	s.subscribe("g", seen.record)
	for id, e := range events {
		e.ID = id
		if err := s.bus.Publish(s.limited(), s.topic, e); err != nil {
			s.Fatalf("publish %s: %v", id, err)
		}
	}
	for _, got := range s.wait(seen, "all events", atLeast(len(events))) {
		want := events[got.ID].WithDefaults(s.topic)
		want.ID = got.ID
		if !bytes.Equal(got.Data, want.Data) {
			s.Errorf("%s: %d bytes of data arrived, %.40q, want %d, %.40q", got.ID, len(got.Data), got.Data, len(want.Data), want.Data)
		}
		if got, want := texts(got), texts(want); got != want {
			s.Errorf("got %s, want %s", got, want)
		}
		if !maps.Equal(got.Extensions, want.Extensions) {
			s.Errorf("%s: got the extensions %q, want %q", got.ID, got.Extensions, want.Extensions)
		}
	}
}

// texts are the attributes that are texts.
func texts(e eventbus.Event) string {
	return fmt.Sprintf("%.60q", []string{e.ID, e.Source, e.Type, e.Subject, e.Key, e.DataContentType, e.DataSchema})
}
