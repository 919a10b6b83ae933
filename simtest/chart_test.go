package simtest_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

// wellFormed fails the test if a chart is not well-formed XML or refers to anything
// outside itself. It returns its text.
func wellFormed(t *testing.T, svg []byte) string {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "script", "image", "use", "a", "foreignObject", "link":
				t.Errorf("element %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			text.Write(token)
			text.WriteByte('\n')
		}
	}
	if regexp.MustCompile(`NaN|Inf|url\(|@import|%!`).Match(svg) {
		t.Errorf("it has what no picture has:\n%s", svg)
	}
	return text.String()
}

func TestAChartShowsTheResultOfTheRun(t *testing.T) {
	w := storm(1, plain("web", "stock"))
	w.Chart = filepath.Join(t.TempDir(), "storm.svg")
	simtest.Run(t, w)
	svg, err := os.ReadFile(w.Chart)
	if err != nil {
		t.Fatal(err)
	}
	text := wellFormed(t, svg)
	for _, wanted := range []string{
		t.Name(), "seed 1, 30s", "calls per second", "offered", "served in time", "failed", "latency", "in ms", "p50", "p99",
		"attempts per call", "attempts at these instances", "\nstock[2]\n", "breakers", "%", "open → web", "web → stock", "5s  stock[1] killed", "16s  stock[0] cut off from web", "25s  stock deployed", "10s", "30s",
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("nothing says %q", wanted)
		}
	}
	if !bytes.Contains(svg, []byte("prefers-color-scheme:dark")) {
		t.Error("it is light alone")
	}
	if size := len(svg); size > 100_000 {
		t.Errorf("%d bytes", size)
	}
}

func TestChartOfAnyRunCanBeDrawn(t *testing.T) {
	for _, w := range []simtest.World{
		{For: time.Millisecond, Services: []simtest.Service{{Name: `a<"&>`}}, Clients: []simtest.Client{{Name: "nobody yet", Calls: `a<"&>`, Rate: 0.001}}},
		{For: time.Hour, Services: []simtest.Service{{Name: "slow", Latency: simtest.Fixed(time.Minute)}}, Clients: []simtest.Client{{Calls: "slow", Rate: 0.01}}},
		{For: time.Second, Services: []simtest.Service{{Name: "dead"}}, Clients: []simtest.Client{{Calls: "dead", Rate: 100}}, Script: []simtest.Event{simtest.At(0, simtest.Kill("dead"))}},
	} {
		text := wellFormed(t, drawn(t, simtest.Run(t, w)))
		if w.For == time.Hour && (!strings.Contains(text, "1h\n") || strings.Contains(text, "m0s") || strings.Contains(text, "h0m")) {
			t.Errorf("an hour is not told as such: %s", text)
		}
	}
}
