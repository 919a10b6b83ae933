package simtest_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

// failing are tests that fail. TestFailures runs them in a separate process.
var failing = map[string]func(t *testing.T){
	"in the end": func(t *testing.T) {
		simtest.Run(t, steady(1))
		t.Error("not what was wanted")
	},
	"of a world that is none": func(t *testing.T) {
		simtest.Run(t, simtest.World{For: -1})
		t.Error("it went on")
	},
	"of a Do that panics": func(t *testing.T) {
		w := steady(1)
		w.For = 50 * time.Millisecond
		w.Services[0] = simtest.Service{Name: "stock", Do: func(context.Context, *simtest.Instance) error { panic("out of paper") }}
		t.Log("answered with", simtest.Run(t, w).Errors())
	},
	"of a Do that gives up": func(t *testing.T) {
		w := steady(1)
		w.Services[0] = simtest.Service{Name: "stock", Do: func(context.Context, *simtest.Instance) error {
			t.FailNow()
			return nil
		}}
		simtest.Run(t, w)
		t.Log("it came to an end")
	},
	"of a Start": func(t *testing.T) {
		w := steady(1)
		w.Services[0].Start = func(*simtest.Instance) error { return fault.Internal.Errorf("no paper") }
		simtest.Run(t, w)
	},
}

const failingNow = "SIMTEST_FAILING"

func TestFailures(t *testing.T) {
	if do, there := failing[os.Getenv(failingNow)]; there {
		do(t)
		return
	}
	for name, wanted := range map[string][]string{
		"in the end":              {"not what was wanted", "the run is drawn in "},
		"of a world that is none": {"the world cannot be run", "For: -1ns is negative", "nobody calls"},
		"of a Do that panics":     {"stock-0 panicked: out of paper", "failing_test.go", "internal: stock-… panicked"},
		"of a Do that gives up":   {"it came to an end"},
		"of a Start":              {"stock-0 did not start", "no paper"},
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^TestFailures$", "-test.v") //nolint:gosec // runs this test binary
			c.Env = append(os.Environ(), failingNow+"="+name, "TMPDIR="+t.TempDir())
			out, err := c.CombinedOutput()
			if err == nil {
				t.Errorf("it passed:\n%s", out)
			}
			for _, text := range wanted {
				if !strings.Contains(string(out), text) {
					t.Errorf("nothing says %q:\n%s", text, out)
				}
			}
			if strings.Contains(string(out), "goroutine leak") || strings.Contains(string(out), "it went on") {
				t.Errorf("%s", out)
			}
			if path := regexp.MustCompile(`drawn in (\S+)`).FindSubmatch(out); path != nil {
				svg, err := os.ReadFile(string(path[1]))
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, svg)
			}
		})
	}
}
