package nats_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestBothModesAreWrittenAndRead(t *testing.T) {
	server := realserver.NATS(t)
	for name, structured := range map[string]bool{"binary": false, "structured": true} {
		b, err := nats.New(nats.Config{URL: server.Addr, Structured: structured, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		seen := make(chan eventbus.Event, 1)
		if _, err := open(t, server.Addr).Subscribe(name, "g", func(_ context.Context, e eventbus.Event) error {
			seen <- e
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := eventbus.Event{ID: "1", Source: "s", Key: "Straße 50%41", Data: []byte(`{"a":1}`), Extensions: map[string]string{"tenant": "a b"}}
		if err := b.Publish(t.Context(), name, want); err != nil {
			t.Fatal(err)
		}
		if e := <-seen; e.ID != "1" || e.Key != want.Key || string(e.Data) != `{"a":1}` || e.Extensions["tenant"] != "a b" {
			t.Errorf("%s: got %+v", name, e)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestMessagesOfOtherClients publishes messages as other clients may, each before one that is
// an event.
func TestMessagesOfOtherClientsAreReadOrDropped(t *testing.T) {
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
	var log bytes.Buffer
	b, err := nats.New(nats.Config{URL: server.Addr, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan eventbus.Event, 1)
	if _, err := b.Subscribe("t", "g", func(_ context.Context, e eventbus.Event) error {
		seen <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	header := func(pairs ...string) natsgo.Header {
		h := natsgo.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = []string{pairs[i+1]}
		}
		return h
	}
	event := []string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "placed"}
	with := func(pairs ...string) natsgo.Header { return header(append(append([]string{}, event...), pairs...)...) }
	for name, c := range map[string]struct {
		header natsgo.Header
		data   string
		subject,
		dropped string
	}{
		"names in another case":   {header("CE-SpecVersion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "CE-Type", "placed", "Ce-Subject", "o-7"), "{}", "o-7", ""},
		"values not encoded":      {with("ce-subject", "50% ä"), "{}", "50% ä", ""},
		"values encoded":          {with("ce-subject", "50%25%20%c3%a4"), "{}", "50% ä", ""},
		"another header":          {with("X-Id", "7"), "{}", "", ""},
		"without an id":           {header("ce-specversion", "1.0", "ce-source", "/s", "ce-type", "placed"), "{}", "", "no id"},
		"of another version":      {with("ce-specversion", "0.3"), "{}", "", "0.3"},
		"with a wrong time":       {with("ce-time", "now"), "{}", "", "time"},
		"with bytes":              {with("ce-tenant", "%ff"), "{}", "", "UTF-8"},
		"with a wrong name":       {with("ce-no-name", "a"), "{}", "", "no-name"},
		"truncated, structured":   {nil, `{"specversion":"1.0","id":"1","sour`, "", "JSON"},
		"empty, without a header": {nil, "", "", "JSON"},
	} {
		log.Reset()
		if _, err := js.PublishMsg(t.Context(), &natsgo.Msg{Subject: "sinew.t.0", Header: c.header, Data: []byte(c.data)}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := js.PublishMsg(t.Context(), &natsgo.Msg{Subject: "sinew.t.0", Header: header("ce-specversion", "1.0", "ce-id", "next", "ce-source", "/s", "ce-type", "placed")}); err != nil {
			t.Fatal(err)
		}
		e := <-seen
		if dropped := e.ID == "next"; dropped != (c.dropped != "") || e.Subject != c.subject {
			t.Errorf("%s: got %+v", name, e)
		}
		if e.ID != "next" {
			e = <-seen
		}
		if !strings.Contains(log.String(), c.dropped) || c.dropped != "" && !strings.Contains(log.String(), "dropped") {
			t.Errorf("%s: the log has %s", name, &log)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
