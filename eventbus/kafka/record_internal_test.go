package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/eventbus"
)

func TestWhatIsReadFromHeadersIsAValidEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.SampledFrom([]string{
				"ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_data", "ce_data_base64", "ce_datacontenttype",
				"ce_partitionkey", "ce_", "content-type", "CE_ID", "ce_dataschema", "ce_specversion",
			}),
			rapid.StringMatching(`(ce_)?[a-zA-Z0-9_-]{0,6}`),
		)
		value := rapid.OneOf(rapid.SampledFrom([]string{"", "1.0", "a", "\xff", "ä", "2026-01-02T03:04:05Z"}), rapid.String())
		r := &kgo.Record{Topic: "t", Key: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "key"), Value: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "value")}
		for range rapid.IntRange(0, 8).Draw(t, "headers") {
			r.Headers = append(r.Headers, header(name.Draw(t, "name"), value.Draw(t, "text")))
		}
		if rapid.Bool().Draw(t, "complete") {
			for _, h := range []string{"ce_id", "ce_source", "ce_type"} {
				r.Headers = append(r.Headers, header(h, "a"))
			}
			r.Headers = append(r.Headers, header("ce_specversion", "1.0"))
		}
		e, err := event(r)
		if err != nil {
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("%v became %+v, which is not valid: %v", r.Headers, e, err)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	bus, err := New(Config{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close(b.Context())
	e := eventbus.Event{Key: "k", DataContentType: "application/json", Data: []byte(`{"id":"o-7"}`)}.WithDefaults("order.placed")
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bus.record("order.placed", e); err != nil {
				b.Fatal(err)
			}
		}
	})
	r, err := bus.record("order.placed", e)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := event(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
