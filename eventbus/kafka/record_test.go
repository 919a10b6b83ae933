package kafka_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
)

// produced returns the event that a record becomes, which another client produces.
func produced(t *testing.T, r *kgo.Record) eventbus.Event {
	t.Helper()
	brokers := fake(t, kfake.SeedTopics(1, "t"))
	b := open(t, brokers...)
	seen := make(chan eventbus.Event, 1)
	if _, err := b.Subscribe("t", "g", func(_ context.Context, e eventbus.Event) error {
		seen <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r.Topic = "t"
	if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), "t", eventbus.Event{ID: "next"}); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-seen:
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("nothing arrived")
		return eventbus.Event{}
	}
}

func headers(pairs ...string) (all []kgo.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

func TestARecordThatIsNoCloudEventIsReadable(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	e := produced(t, &kgo.Record{
		Key: []byte("k"), Value: []byte(`{"id":7}`), Timestamp: at, Headers: headers("traceparent", "00-1", "X-Not", "1", "bad", "\xff"),
	})
	if e.ID != "t/0/0" || e.Type != "t" || e.Source != "kafka" || e.Key != "k" || string(e.Data) != `{"id":7}` || !e.Time.Equal(at) || e.DataContentType != "" {
		t.Errorf("got %+v", e)
	}
	if want := map[string]string{"traceparent": "00-1"}; !maps.Equal(e.Extensions, want) {
		t.Errorf("got the extensions %v, want %v", e.Extensions, want)
	}
	if err := e.Validate(); err != nil {
		t.Errorf("it is not valid: %v", err)
	}
}

func TestARecordOfOtherBytesIsNoJSON(t *testing.T) {
	e := produced(t, &kgo.Record{Key: []byte{0, 0xff}, Value: []byte("\x00\x00\x00\x00\x01avro")})
	if e.DataContentType != "application/octet-stream" || e.Key != "00ff" || string(e.Data) != "\x00\x00\x00\x00\x01avro" {
		t.Errorf("got %+v", e)
	}
}

func TestACloudEventIsReadWhateverTheCaseOfItsHeaders(t *testing.T) {
	e := produced(t, &kgo.Record{Value: []byte("x"), Headers: headers(
		"CE_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "placed", "Content-Type", "text/plain", "ce_tenant", "a", "ce_time", "2026-01-02t03:04:05z",
	)})
	if e.ID != "1" || e.Source != "/s" || e.Type != "placed" || e.DataContentType != "text/plain" || e.Extensions["tenant"] != "a" || e.Time.Year() != 2026 {
		t.Errorf("got %+v", e)
	}
}

func TestARecordThatIsABrokenCloudEventIsDropped(t *testing.T) {
	for name, r := range map[string]*kgo.Record{
		"without an id":      {Headers: headers("ce_specversion", "1.0", "ce_source", "/s", "ce_type", "placed")},
		"of another version": {Headers: headers("ce_specversion", "0.3", "ce_id", "1", "ce_source", "/s", "ce_type", "placed")},
		"with a wrong time":  {Headers: headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "placed", "ce_time", "now")},
		"in a batch":         {Value: []byte("[]"), Headers: headers("content-type", "application/cloudevents-batch+json")},
		"without JSON":       {Value: []byte("{"), Headers: headers("content-type", "application/cloudevents+json; charset=utf-8")},
	} {
		if e := produced(t, r); e.ID != "next" {
			t.Errorf("one %s became %+v", name, e)
		}
	}
}

func TestAKeyIsInThePartitionThatOtherClientsFindItIn(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(16, "t"))
	b := open(t, brokers...)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The partitions are those of the Java client: toPositive(murmur2(key)) % 16.
	want := map[string]int32{"21": javaPartition("21", 16), "foobar": javaPartition("foobar", 16), "Straße 7": javaPartition("Straße 7", 16)}
	for key := range want {
		if err := b.Publish(t.Context(), "t", eventbus.Event{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < len(want); {
		for _, r := range client.PollFetches(t.Context()).Records() {
			if n++; r.Partition != want[string(r.Key)] {
				t.Errorf("key %s is in partition %d, want %d", r.Key, r.Partition, want[string(r.Key)])
			}
		}
	}
}

// javaPartition is what org.apache.kafka.common.utils.Utils.murmur2 gives. Its own test has
// murmur2("foobar") = -790332482 and murmur2("21") = -973932308.
func javaPartition(key string, partitions int32) int32 {
	known := map[string]int32{"foobar": -790332482, "21": -973932308, "Straße 7": 0}
	if known[key] == 0 {
		return murmur2([]byte(key)) & 0x7fffffff % partitions
	}
	if got := murmur2([]byte(key)); got != known[key] {
		panic(fmt.Sprint("murmur2 of ", key, " is ", got))
	}
	return known[key] & 0x7fffffff % partitions
}

// murmur2 is Austin Appleby's hash with the seed of Kafka.
func murmur2(data []byte) int32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return int32(h)
}

func TestAStructuredEventIsWrittenAndRead(t *testing.T) {
	brokers := fake(t)
	b := openWith(t, kafka.Config{Brokers: brokers, Structured: true})
	seen := make(chan eventbus.Event, 1)
	if _, err := open(t, brokers...).Subscribe("t", "g", func(_ context.Context, e eventbus.Event) error {
		seen <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), "t", eventbus.Event{ID: "1", Key: "k", Data: []byte(`{"a":1}`), Extensions: map[string]string{"tenant": "a"}}); err != nil {
		t.Fatal(err)
	}
	if e := <-seen; e.ID != "1" || e.Key != "k" || string(e.Data) != `{"a":1}` || e.Extensions["tenant"] != "a" {
		t.Errorf("got %+v", e)
	}
}
