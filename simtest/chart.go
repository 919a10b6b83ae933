package simtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// WriteSVG draws the run as a timeline. The SVG is self-contained and follows the
// reader's light or dark scheme. It shows calls offered, served and failed, their
// latency, attempts per call of each service, the share of the instances that the script
// names, and the breakers. Events of the script are numbered lines. Equal runs have equal
// pictures.
func (r *Result) WriteSVG(w io.Writer) error {
	_, err := w.Write(r.draw())
	return err
}

// saveChart writes the chart of World.Chart immediately, or else a chart if the test
// fails.
func (r *Result) saveChart(t *testing.T) {
	t.Helper()
	if r.world.Chart != "" {
		if err := os.WriteFile(r.world.Chart, r.draw(), 0o600); err != nil {
			t.Errorf("simtest: World.Chart: %v", err)
		}
		return
	}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		file, err := chartFile(t)
		if err == nil {
			err = os.WriteFile(file, r.draw(), 0o600)
		}
		if err != nil {
			t.Logf("simtest: the run cannot be drawn: %v", err)
			return
		}
		t.Logf("simtest: the run is drawn in %s", file)
	})
}

// chartFile is a file in the test's artifacts. If go test keeps none, it is a temporary
// file, so that it still exists after the test.
func chartFile(t *testing.T) (string, error) {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return filepath.Join(t.ArtifactDir(), "run.svg"), nil
	}
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\*?:"<>| `, r) {
			return '_'
		}
		return r
	}, t.Name())
	f, err := os.CreateTemp("", "simtest-"+name+"-*.svg")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// The layout of a chart, in pixels.
const (
	chartWidth  = 1000
	plotLeft    = 70
	plotRight   = chartWidth - 190
	panelHeight = 120
	panelGap    = 50
	headHeight  = 96
	maxPoints   = 150
)

func (r *Result) draw() []byte {
	step := r.step()
	panels := []panel{r.callsPanel(step), r.latencyPanel(step), r.attemptsPanel(step)}
	if shares, named := r.sharesPanel(step); named {
		panels = append(panels, shares)
	}
	panels = append(panels, r.breakersPanel(step))
	events := r.world.inOrder()
	bottom := headHeight + len(panels)*(panelHeight+panelGap)
	height := bottom + 24 + 18*len(events) + 12

	c := &canvas{span: r.world.For}
	c.open(height, r.name)
	c.text(20, 30, "title", "start", r.name)
	c.text(20, 52, "soft", "start", r.summary())
	c.drawEvents(events, float64(bottom-panelGap))
	for n, p := range panels {
		p.draw(c, float64(headHeight+n*(panelHeight+panelGap)))
	}
	for n, e := range events {
		y := float64(bottom + 18*n)
		c.text(20, y, "mark", "start", fmt.Sprint(n+1))
		c.text(44, y, "label", "start", fmt.Sprintf("%s  %s", shortDuration(e.at), e.what))
	}
	return c.close()
}

// drawEvents draws a numbered line for each event, down to y. Numbers that would overlap
// are drawn as one range.
func (c *canvas) drawEvents(events []Event, y float64) {
	const apart = 16
	for n := 0; n < len(events); {
		x, first := c.x(events[n].at), n
		for ; n < len(events) && c.x(events[n].at)-x < apart; n++ {
			c.line(c.x(events[n].at), headHeight-22, c.x(events[n].at), y, "event")
		}
		text := fmt.Sprint(first + 1)
		if n > first+1 {
			text = fmt.Sprintf("%d–%d", first+1, n)
		}
		c.text(x, headHeight-26, "mark", "middle", text)
	}
}

// summary describes the run in one line.
func (r *Result) summary() string {
	w := r.world
	text := fmt.Sprintf("seed %d, %s: %d calls offered, %.2f %% good, p50 %s, p99 %s", w.Seed, shortDuration(w.For), r.Offered(), 100*r.Good(),
		r.P50().Round(100*time.Microsecond), r.P99().Round(100*time.Microsecond))
	if w.Codec {
		text += ", through package rest"
	}
	return text
}

// step is the time between two points, a multiple of the resolution of the counts.
func (r *Result) step() time.Duration {
	return max(r.world.For/maxPoints/countInterval*countInterval, countInterval)
}

// perStep returns the values of of for every step of the run.
func (r *Result) perStep(step time.Duration, of func(from, to time.Duration) float64) []float64 {
	var all []float64
	for from := time.Duration(0); from < r.world.For; from += step {
		all = append(all, of(from, min(from+step, r.world.For)))
	}
	return all
}

// canvas writes the elements of an SVG.
type canvas struct {
	bytes.Buffer
	span time.Duration
}

// x is the horizontal position of a moment.
func (c *canvas) x(at time.Duration) float64 {
	return plotLeft + (plotRight-plotLeft)*at.Seconds()/c.span.Seconds()
}

func (c *canvas) open(height int, title string) {
	c.put(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", chartWidth, height, chartWidth, height)
	c.put("<title>%s</title>\n<style>%s</style>\n", escapeXML(title), style)
	c.put(`<rect class="paper" width="%d" height="%d"/>`+"\n", chartWidth, height)
}

func (c *canvas) close() []byte {
	c.WriteString("</svg>\n")
	return c.Bytes()
}

func (c *canvas) put(format string, args ...any) { c.WriteString(fmt.Sprintf(format, args...)) }

func (c *canvas) text(x, y float64, class, anchor, text string) {
	c.put(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, escapeXML(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.put(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func escapeXML(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

// style uses colours that are distinct for readers with red-green blindness.
const style = `
text{font:12px system-ui,sans-serif;fill:#1f2328}
.title{font-size:18px;font-weight:600}.head{font-weight:600;stroke:#ffffff;stroke-width:4px;paint-order:stroke}.soft{fill:#59636e}
.paper{fill:#ffffff}.grid{stroke:#d1d9e0;stroke-width:1}.axis{stroke:#818b98;stroke-width:1}
.event{stroke:#9a6700;stroke-width:1;stroke-dasharray:4 3}.mark{fill:#9a6700;font-weight:600}
.s0,.s1,.s2,.s3,.s4,.s5,.s6,.s7{fill:none;stroke-width:1.8;stroke-linejoin:round}
.s0{stroke:#818b98;stroke-dasharray:5 3}.s1{stroke:#0969da}.s2{stroke:#d1242f}.s3{stroke:#1a7f37}.s4{stroke:#8250df}.s5{stroke:#bc4c00}.s6{stroke:#0e7490}.s7{stroke:#bf3989}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.head{stroke:#0d1117}.soft{fill:#9198a1}.paper{fill:#0d1117}.grid{stroke:#2f3742}.axis{stroke:#656c76}
.event{stroke:#d29922}.mark{fill:#d29922}
.s0{stroke:#9198a1}.s1{stroke:#4493f8}.s2{stroke:#f85149}.s3{stroke:#3fb950}.s4{stroke:#ab7df8}.s5{stroke:#f0883e}.s6{stroke:#39c5cf}.s7{stroke:#f778ba}
}`
