package interop_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
)

// kafkaRecord is a record of Kafka as the SDK reads and writes it. The SDK's own module for
// Kafka does the same for the client sarama.
type kafkaRecord struct{ *kgo.Record }

var kafkaSpecs = spec.WithPrefix("ce_")

func (r kafkaRecord) header(name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, name) {
			return string(h.Value)
		}
	}
	return ""
}

func (r kafkaRecord) set(name, value string) {
	r.Record.Headers = append(r.Record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
}

func (r kafkaRecord) ReadEncoding() binding.Encoding {
	switch {
	case format.Lookup(r.header("content-type")) != nil && strings.HasPrefix(r.header("content-type"), "application/cloudevents"):
		return binding.EncodingStructured
	case r.header("ce_specversion") != "":
		return binding.EncodingBinary
	}
	return binding.EncodingUnknown
}

func (r kafkaRecord) ReadStructured(ctx context.Context, w binding.StructuredWriter) error {
	if r.ReadEncoding() != binding.EncodingStructured {
		return binding.ErrNotStructured
	}
	return w.SetStructuredEvent(ctx, format.Lookup(r.header("content-type")), bytes.NewReader(r.Value))
}

func (r kafkaRecord) ReadBinary(_ context.Context, w binding.BinaryWriter) error {
	if r.ReadEncoding() != binding.EncodingBinary {
		return binding.ErrNotBinary
	}
	version := kafkaSpecs.Version(r.header("ce_specversion"))
	for _, h := range r.Headers {
		var err error
		if attribute := version.Attribute(h.Key); attribute != nil {
			err = w.SetAttribute(attribute, string(h.Value))
		} else if name, ok := strings.CutPrefix(h.Key, "ce_"); ok {
			err = w.SetExtension(name, string(h.Value))
		} else if h.Key == "content-type" {
			err = w.SetAttribute(version.AttributeFromKind(spec.DataContentType), string(h.Value))
		}
		if err != nil {
			return err
		}
	}
	if r.Value == nil {
		return nil
	}
	return w.SetData(bytes.NewReader(r.Value))
}

func (r kafkaRecord) GetAttribute(kind spec.Kind) (spec.Attribute, any) {
	attribute := kafkaSpecs.Version(r.header("ce_specversion")).AttributeFromKind(kind)
	if attribute == nil {
		return nil, nil
	}
	name := "ce_" + attribute.Name()
	if kind == spec.DataContentType {
		name = "content-type"
	}
	if value := r.header(name); value != "" {
		return attribute, value
	}
	return attribute, nil
}

func (r kafkaRecord) GetExtension(name string) any { return r.header("ce_" + name) }

func (r kafkaRecord) Finish(error) error { return nil }

func (r kafkaRecord) Start(context.Context) error { return nil }
func (r kafkaRecord) End(context.Context) error   { return nil }

func (r kafkaRecord) SetStructuredEvent(_ context.Context, f format.Format, event io.Reader) (err error) {
	r.set("content-type", f.MediaType())
	r.Record.Value, err = io.ReadAll(event)
	return err
}

func (r kafkaRecord) SetAttribute(attribute spec.Attribute, value any) error {
	name := "ce_" + attribute.Name()
	if attribute.Kind() == spec.DataContentType {
		name = "content-type"
	}
	if value == nil {
		return nil
	}
	text, err := types.Format(value)
	r.set(name, text)
	return err
}

func (r kafkaRecord) SetExtension(name string, value any) error {
	text, err := types.Format(value)
	r.set("ce_"+name, text)
	return err
}

func (r kafkaRecord) SetData(data io.Reader) (err error) {
	r.Record.Value, err = io.ReadAll(data)
	return err
}

func kafkaEvents() map[string]eventbus.Event {
	return map[string]eventbus.Event{
		"all": {
			Source: "/orders", Type: "order.placed", Subject: "o-7", Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Key: "Straße 7",
			DataContentType: "application/json", DataSchema: "https://schemas.example/order", Data: []byte(`{"id":"o-7"}`),
			Extensions: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tenant": "ä"},
		},
		"bytes": {Source: "s", Type: "t", Key: "k", DataContentType: "application/octet-stream", Data: []byte{0, 1, 0xff}},
		"text":  {Source: "s", Type: "t", DataContentType: "text/plain; charset=utf-8", Data: []byte("ä")},
		"none":  {Source: "s", Type: "t"},
	}
}

func TestEventsOnKafkaAreReadByTheSDKAndItsEventsByUs(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "ours", "theirs"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for _, structured := range []bool{false, true} {
		bus, err := kafka.New(kafka.Config{Brokers: cluster.ListenAddrs(), Structured: structured, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("ours"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		got := make(chan eventbus.Event, 10)
		if _, err := bus.Subscribe("theirs", "", func(_ context.Context, e eventbus.Event) error {
			got <- e
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for id, e := range kafkaEvents() {
			e.ID = id
			if structured {
				e.ID += "-structured"
			}
			e = e.WithDefaults("ours")
			if err := bus.Publish(ctx, "ours", e); err != nil {
				t.Fatal(err)
			}
			sdk := readBySDK(ctx, t, client, e)
			if sdk == nil {
				continue
			}
			record := kafkaRecord{&kgo.Record{Topic: "theirs"}}
			encode := binding.WithForceBinary(ctx)
			if structured {
				encode = binding.WithForceStructured(ctx)
			}
			if _, err := binding.Write(encode, (*binding.EventMessage)(sdk), record, record); err != nil {
				t.Fatal(err)
			}
			if err := client.ProduceSync(ctx, record.Record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			select {
			case back := <-got:
				if attributesOf(back) != attributesOf(e) {
					t.Errorf("structured %v: the SDK's event is to us %+v, want %+v", structured, attributesOf(back), attributesOf(e))
				}
			case <-ctx.Done():
				t.Fatalf("structured %v: %s did not arrive", structured, id)
			}
		}
		if err := bus.Close(ctx); err != nil {
			t.Error(err)
		}
		client.Close()
		cancel()
	}
}

// readBySDK reads the record of e by the SDK and compares the two.
func readBySDK(ctx context.Context, t *testing.T, client *kgo.Client, e eventbus.Event) *ce.Event {
	t.Helper()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		for _, r := range fetches.Records() {
			event, err := binding.ToEvent(ctx, kafkaRecord{r})
			if err != nil {
				t.Errorf("the SDK does not read %s: %v", e.ID, err)
				return nil
			}
			if event.ID() != e.ID {
				continue // of the first round
			}
			if attributesOfSDK(*event) != attributesOf(e) {
				t.Errorf("our event is to the SDK %+v, want %+v", attributesOfSDK(*event), attributesOf(e))
			}
			if string(r.Key) != e.Key {
				t.Errorf("the record's key is %q, want %q", r.Key, e.Key)
			}
			return event
		}
	}
	t.Fatalf("%s did not arrive", e.ID)
	return nil
}
