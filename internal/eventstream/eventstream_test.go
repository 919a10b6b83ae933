package eventstream_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/eventstream"
)

func all(text string, most int) (found []eventstream.Event, err error) {
	r := eventstream.NewReader(strings.NewReader(text), most)
	for {
		e, err := r.Next()
		if err != nil {
			return found, err
		}
		found = append(found, e)
	}
}

func TestEventsAreReadAsTheStandardHasThem(t *testing.T) {
	type event = eventstream.Event
	for _, c := range []struct {
		text string
		want []event
		err  error
	}{
		{"data: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"data:a\r\n\r\ndata: b\r\rdata:  c\n\n", []event{{Data: []byte("a")}, {Data: []byte("b")}, {Data: []byte(" c")}}, io.EOF},
		{"\xef\xbb\xbfdata: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"data: a\ndata: b\ndata\n\n", []event{{Data: []byte("a\nb\n")}}, io.EOF},
		{":\n\n: x\ndata: a\n: y\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"event: x\n\ndata: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"id: 1\nevent: x\ndata: a\nretry: 5\nother: z\n\n", []event{{ID: "1", Type: "x", Data: []byte("a"), Retry: 5 * time.Millisecond}}, io.EOF},
		{"retry: -5\nretry: +5\nretry: 5s\nretry:\nretry: 99999999999\ndata: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"id: 1\x00\ndata: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
		{"event: x\x00\ndata: a\n\n", []event{{Type: "x\x00", Data: []byte("a")}}, io.EOF},
		{"data: a\n", nil, io.ErrUnexpectedEOF},
		{"data: a", nil, io.ErrUnexpectedEOF},
		{"data: " + strings.Repeat("x", 100) + "\n\n", nil, eventstream.ErrTooLarge},
		{strings.Repeat("data: x\n", 20), nil, eventstream.ErrTooLarge},
		{strings.Repeat(": a comment is not a part of an event\n", 20) + "data: a\n\n", []event{{Data: []byte("a")}}, io.EOF},
	} {
		got, err := all(c.text, 60)
		if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%q is read as %q, %v; want %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	id, kind := rapid.StringMatching(`[^\x00\r\n]*`), rapid.StringMatching(`[^\r\n]*`)
	rapid.Check(t, func(t *rapid.T) {
		e := eventstream.Event{ID: id.Draw(t, "id"), Type: kind.Draw(t, "type"), Data: []byte(rapid.StringMatching(`[^\r]*`).Draw(t, "data"))}
		e.Retry = time.Duration(rapid.IntRange(0, 1<<31-1).Draw(t, "retry")) * time.Millisecond
		got, err := eventstream.NewReader(bytes.NewReader(eventstream.Append([]byte(eventstream.Comment), e)), 1<<16).Next()
		if err != nil || got.ID != e.ID || got.Type != e.Type || !bytes.Equal(got.Data, e.Data) || got.Retry != e.Retry {
			t.Errorf("%q is read as %q, %v", e, got, err)
		}
	})
}

func TestAStreamSaysWhereAndWhenItGoesOn(t *testing.T) {
	for text, want := range map[string]struct {
		lastID string
		wait   time.Duration
	}{
		"":                                      {"", -1},
		"id: 1\ndata: a\n\ndata: b\n\n":         {"1", -1},
		"id: 1\ndata: a\n\nid: 2\nretry: 7\n\n": {"2", 7 * time.Millisecond},
		"id: 1\ndata: a\n\nid\n\n":              {"", -1},
		"id: 1\ndata: a\n\nid: 2\ndata: b\n":    {"1", -1},
		"retry: 7\n":                            {"", 7 * time.Millisecond},
		"retry: 7\n\nretry: 0\ndata: a\n\n":     {"", 0},
		"retry: 7\n\nretry: soon\n\ndata: a\n":  {"", 7 * time.Millisecond},
	} {
		r := eventstream.NewReader(strings.NewReader(text), 60)
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		if lastID, wait := r.Resume(); lastID != want.lastID || wait != want.wait {
			t.Errorf("%q goes on after %q in %v, want after %q in %v", text, lastID, wait, want.lastID, want.wait)
		}
	}
}

func TestLinesEndInAnyWay(t *testing.T) {
	lines := eventstream.NewLines(strings.NewReader("1\n\r\n 2\r\n"+strings.Repeat("3", 5000)+"\n\n4"), 5000)
	for _, want := range []string{"1", "2", strings.Repeat("3", 5000), "4"} {
		if got, err := lines.Next(); err != nil || string(got) != want {
			t.Errorf("the line %.10q is read as %.10q, %v", want, got, err)
		}
	}
	if _, err := lines.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if _, err := eventstream.NewLines(strings.NewReader(strings.Repeat("3", 5001)), 5000).Next(); !errors.Is(err, eventstream.ErrTooLarge) {
		t.Errorf("a line that is too large fails with %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	for _, text := range []string{"data: a\r\n\r\n", "\xef\xbb\xbfid: 1\revent: x\rdata\r\r", "event:\x00\rdata\r\r", ":\n\n", "data: a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		events, err := all(text, 200)
		if err == nil || len(events) > len(text) {
			t.Errorf("%q has %d events, and ends with %v", text, len(events), err)
		}
		for _, e := range events {
			if len(e.Data) > 200 || !e.CanBeWritten() {
				t.Errorf("%q has the event %q", text, e)
			}
		}
		lines := eventstream.NewLines(strings.NewReader(text), 200)
		for {
			line, err := lines.Next()
			if err != nil {
				break
			}
			if len(line) == 0 || len(line) > 200 || bytes.Contains(line, []byte("\n")) {
				t.Errorf("%q has the line %q", text, line)
			}
		}
	})
}
