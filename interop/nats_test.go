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
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/internal/realserver"
)

// natsMessage is a message of NATS as the SDK reads and writes it. The SDK's own module for
// JetStream does the same: each attribute is a header with the prefix ce-, datacontenttype
// too, and without ce-specversion the message is a whole event.
type natsMessage struct{ *natsgo.Msg }

const natsPrefix = "ce-"

var natsSpecs = spec.WithPrefix(natsPrefix)

func (m natsMessage) ReadEncoding() binding.Encoding {
	if m.Header.Get("ce-specversion") != "" {
		return binding.EncodingBinary
	}
	return binding.EncodingStructured
}

func (m natsMessage) ReadStructured(ctx context.Context, w binding.StructuredWriter) error {
	if m.ReadEncoding() != binding.EncodingStructured {
		return binding.ErrNotStructured
	}
	return w.SetStructuredEvent(ctx, format.JSON, bytes.NewReader(m.Data))
}

func (m natsMessage) ReadBinary(_ context.Context, w binding.BinaryWriter) error {
	if m.ReadEncoding() != binding.EncodingBinary {
		return binding.ErrNotBinary
	}
	version := natsSpecs.Version(m.Header.Get("ce-specversion"))
	for name, values := range m.Header {
		var err error
		if attribute := version.Attribute(name); attribute != nil {
			err = w.SetAttribute(attribute, values[0])
		} else if extension, ok := strings.CutPrefix(name, natsPrefix); ok {
			err = w.SetExtension(extension, values[0])
		}
		if err != nil {
			return err
		}
	}
	if len(m.Data) == 0 {
		return nil
	}
	return w.SetData(bytes.NewReader(m.Data))
}

func (m natsMessage) GetAttribute(kind spec.Kind) (spec.Attribute, any) {
	attribute := natsSpecs.Version(m.Header.Get("ce-specversion")).AttributeFromKind(kind)
	if attribute == nil {
		return nil, nil
	}
	if value := m.Header.Get(natsPrefix + attribute.Name()); value != "" {
		return attribute, value
	}
	return attribute, nil
}

func (m natsMessage) GetExtension(name string) any { return m.Header.Get(natsPrefix + name) }

func (m natsMessage) Finish(error) error          { return nil }
func (m natsMessage) Start(context.Context) error { return nil }
func (m natsMessage) End(context.Context) error   { return nil }

func (m natsMessage) SetStructuredEvent(_ context.Context, _ format.Format, event io.Reader) (err error) {
	m.Data, err = io.ReadAll(event)
	return err
}

func (m natsMessage) SetAttribute(attribute spec.Attribute, value any) error {
	if value == nil {
		return nil
	}
	return m.SetExtension(attribute.Name(), value)
}

func (m natsMessage) SetExtension(name string, value any) error {
	text, err := types.Format(value)
	m.Header[natsPrefix+name] = []string{text}
	return err
}

func (m natsMessage) SetData(data io.Reader) (err error) {
	m.Data, err = io.ReadAll(data)
	return err
}

// natsEvents have attributes of plain characters: the SDK does not encode others, as the
// binding says that a client must.
func natsEvents() map[string]eventbus.Event {
	all := kafkaEvents()
	e := all["all"]
	e.Key, e.Extensions = "o-7", map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tenant": "a"}
	all["all"] = e
	text := all["text"]
	text.DataContentType = "text/plain;charset=utf-8"
	all["text"] = text
	return all
}

func TestEventsOnNATSAreReadByTheSDKAndItsEventsByUs(t *testing.T) {
	server := realserver.NATS(t)
	conn, err := natsgo.Connect(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, structured := range []bool{false, true} {
		bus, err := nats.New(nats.Config{URL: server.Addr, Structured: structured, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan eventbus.Event, 10)
		if _, err := bus.Subscribe("theirs", "", func(_ context.Context, e eventbus.Event) error {
			got <- e
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for id, e := range natsEvents() {
			e.ID = id
			if structured {
				e.ID += "-structured"
			}
			e = e.WithDefaults("ours")
			sdk := natsBySDK(ctx, t, js, bus, e)
			m := natsMessage{&natsgo.Msg{Subject: "sinew.theirs.0", Header: natsgo.Header{}}}
			encode := binding.WithForceBinary(ctx)
			if structured {
				encode = binding.WithForceStructured(ctx)
			}
			if _, err := binding.Write(encode, (*binding.EventMessage)(sdk), m, m); err != nil {
				t.Fatal(err)
			}
			if _, err := js.PublishMsg(ctx, m.Msg); err != nil {
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
	}
}

// natsBySDK publishes e, reads its message by the SDK and compares the two.
func natsBySDK(ctx context.Context, t *testing.T, js jetstream.JetStream, bus eventbus.Publisher, e eventbus.Event) *ce.Event {
	t.Helper()
	if err := bus.Publish(ctx, "ours", e); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, "sinew_ours")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := stream.GetMsg(ctx, stream.CachedInfo().State.LastSeq)
	if err != nil {
		t.Fatal(err)
	}
	event, err := binding.ToEvent(ctx, natsMessage{&natsgo.Msg{Header: stored.Header, Data: stored.Data}})
	if err != nil {
		t.Fatalf("the SDK does not read %s: %v", e.ID, err)
	}
	if attributesOfSDK(*event) != attributesOf(e) {
		t.Errorf("our event is to the SDK %+v, want %+v", attributesOfSDK(*event), attributesOf(e))
	}
	return event
}
