package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func FuzzRecord(f *testing.F) {
	f.Add("k", `{"specversion":"1.0","id":"1","source":"s","type":"t"}`, "content-type", "application/cloudevents+json", "", "")
	f.Add("\xff", "x", "ce_specversion", "1.0", "ce_id", "1")
	f.Add("", "", "CE_SPECVERSION", "1.0", "ce_", "\xff")
	f.Add("k", "null", "traceparent", "00-1", "", "")
	f.Fuzz(func(t *testing.T, key, value, name1, value1, name2, value2 string) {
		headers := []kgo.RecordHeader{header(name1, value1), header(name2, value2), header("ce_source", "s"), header("ce_type", "t")}
		e, err := event(&kgo.Record{Topic: "topic", Key: []byte(key), Value: []byte(value), Headers: headers})
		if err != nil {
			return
		}
		if err := e.Validate(); err != nil {
			t.Errorf("key %q, value %q, headers %q: %v", key, value, headers, err)
		}
	})
}
