package apitest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/transport/rest"
)

// recorder is a test that records what it is given.
type recorder struct {
	testing.TB
	errors, logs []string
}

func (*recorder) Helper() {}

func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }

func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }

func (r *recorder) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

// golden runs Golden, with or without -update.
func golden(t testing.TB, update bool, file string, contracts ...any) *recorder {
	t.Helper()
	before, set := os.LookupEnv("SINEW_UPDATE")
	defer func() {
		if set {
			_ = os.Setenv("SINEW_UPDATE", before)
		} else {
			_ = os.Unsetenv("SINEW_UPDATE")
		}
	}()
	if err := os.Setenv("SINEW_UPDATE", map[bool]string{true: "1", false: "0"}[update]); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	apitest.Golden(r, file, contracts...)
	return r
}

// breaks returns what Golden says of new, where old is in the file.
func breaks(t testing.TB, old, new any) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "api.golden.json")
	if r := golden(t, true, file, old); len(r.errors)+len(r.logs) > 0 {
		t.Fatalf("writing the file fails: %q %q", r.errors, r.logs)
	}
	return golden(t, false, file, new).errors
}

func TestAMissingFileFailsWithHowToWriteIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	got := golden(t, false, file, answer[of[int]]()).errors
	if want := []string{"apitest: " + file + " does not exist: write it by go test -update in the package of this test, and commit it"}; !slices.Equal(got, want) {
		t.Errorf("it fails with %q, want %q", got, want)
	}
}

func TestAFileThatCannotBeReadFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	if err := os.WriteFile(file, []byte(`{"routes":{"GET /x":{"answer":{"ref":"Order"}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := golden(t, false, file, answer[of[int]]()).errors
	want := []string{"apitest: " + file + ` cannot be read: GET /x: there is no type "Order": bring it back from version control, or write it anew by go test -update`}
	if !slices.Equal(got, want) {
		t.Errorf("it fails with %q, want %q", got, want)
	}
	if r := golden(t, true, file, answer[of[int]]()); len(r.errors) > 0 {
		t.Errorf("-update fails with %q, want a new file", r.errors)
	}
}

func TestAnUpdateLogsWhatBreaks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	golden(t, true, file, answer[and[int]]())
	r := golden(t, true, file, answer[of[int]]())
	want := []string{"apitest: this breaks: GET /x: w of the answer was integer and is gone: bring it back beside what replaces it" + noCaller}
	if !slices.Equal(r.logs, want) || len(r.errors) > 0 {
		t.Errorf("it logs %q and fails with %q, want the log %q", r.logs, r.errors, want)
	}
	if got := golden(t, false, file, answer[of[int]]()); len(got.errors)+len(got.logs) > 0 {
		t.Errorf("after the update it says %q %q, want nothing", got.errors, got.logs)
	}
}

func TestAnAdditionPassesAndIsLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	golden(t, true, file, answer[of[int]]())
	r := golden(t, false, file, answer[and[int]]())
	if len(r.errors) > 0 || len(r.logs) != 1 || !strings.Contains(r.logs[0], "record them by go test -update") {
		t.Errorf("it fails with %q and logs %q, want one log that asks for -update", r.errors, r.logs)
	}
}

func TestAChangeOfATypeIsOneSentence(t *testing.T) {
	get := func(answer func(pattern string) any, patterns ...string) (routes []any) {
		for _, pattern := range patterns {
			routes = append(routes, answer("GET "+pattern))
		}
		return routes
	}
	old := func(pattern string) any { return rest.Route[none, of[oldNode]]{Pattern: pattern} }
	new := func(pattern string) any { return rest.Route[none, of[newNode]]{Pattern: pattern} }
	const problem = ": v.name of the answer was string and is integer: bring it back, and add a member beside it" + noCaller
	for _, c := range []struct {
		old, new any
		want     string
	}{
		{get(old, "/a", "/b"), get(new, "/a", "/b"), "GET /a (and GET /b)" + problem},
		{get(old, "/a", "/b", "/c", "/d", "/e"), get(new, "/a", "/b", "/c", "/d", "/e"), "GET /a (and GET /b, GET /c, GET /d, GET /e)" + problem},
		{get(old, "/a", "/b", "/c", "/d", "/e", "/f"), get(new, "/a", "/b", "/c", "/d", "/e", "/f"), "GET /a (and GET /b, GET /c, GET /d, and 2 more)" + problem},
		{[]any{old("GET /a"), event[oldNode]()}, []any{new("GET /a"), event[newNode]()},
			"GET /a (and x.done)" + strings.Replace(problem, "no caller", "no caller, subscriber or stored event", 1)},
	} {
		if got := breaks(t, c.old, c.new); !slices.Equal(got, []string{c.want}) {
			t.Errorf("it breaks\n%q, want\n%q", got, c.want)
		}
	}
}

func TestWhatIsNoContractIsRefused(t *testing.T) {
	for _, c := range []struct {
		contract any
		want     string
	}{
		{nil, "apitest: a <nil> is no contract: give it routes, topics, methods, or lists of them"},
		{[]any{answer[none](), 7}, "apitest: a int is no contract: give it routes, topics, methods, or lists of them"},
		{[]rest.Forwarder{}, "apitest: there is no contract to compare: give it routes, topics, methods, or lists of them"},
		{[]any{answer[none](), answer[none]()}, "apitest: route GET /x is there twice: give each of them once"},
	} {
		if got := golden(t, true, filepath.Join(t.TempDir(), "x.json"), c.contract).errors; !slices.Equal(got, []string{c.want}) {
			t.Errorf("it fails with %q, want %q", got, c.want)
		}
	}
}
