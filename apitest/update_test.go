package apitest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary builds the tests of a package in testdata.
func binary(t *testing.T, name string) string {
	t.Helper()
	if _, err := os.ReadFile(filepath.Join("testdata", name, name+"_test.go")); err != nil { // go test repeats this when it changes
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name+".test")
	if out, err := exec.Command("go", "test", "-c", "-o", file, "./testdata/"+name).CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return file
}

// outcome runs a test binary in an environment without SINEW_UPDATE but for these settings.
func outcome(t *testing.T, binary string, settings []string, args ...string) (passes bool, output string) {
	t.Helper()
	c := exec.Command(binary, args...)
	c.Dir = t.TempDir()
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "SINEW_UPDATE=") {
			c.Env = append(c.Env, setting)
		}
	}
	c.Env = append(c.Env, settings...)
	out, err := c.CombinedOutput()
	return err == nil, string(out)
}

func TestTheFlagUpdateNeedsNoDefinition(t *testing.T) {
	file := binary(t, "noflag")
	for _, c := range []struct {
		settings, args []string
		passes         bool
	}{
		{nil, []string{"-update"}, true},
		{nil, []string{"-test.v", "--update=true"}, true},
		{nil, []string{"-update=false"}, false},
		{nil, nil, false},
		{[]string{"SINEW_UPDATE=1"}, nil, true},
		{[]string{"SINEW_UPDATE=0"}, nil, false},
		{[]string{"SINEW_UPDATE="}, []string{"-update"}, true},
		{[]string{"SINEW_UPDATE=yes"}, nil, false},
	} {
		if passes, output := outcome(t, file, c.settings, c.args...); passes != c.passes {
			t.Errorf("with %q and %q the file is written: %v, want %v\n%s", c.settings, c.args, passes, c.passes, output)
		}
	}
}

func TestATestWithAnUpdateFlagOfItsOwnRuns(t *testing.T) {
	file := binary(t, "ownflag")
	for _, c := range []struct {
		settings, args []string
		passes         bool
		why            string
	}{
		{nil, []string{"-test.run=Nothing"}, true, "a run without -update defines no flag"},
		{[]string{"SINEW_UPDATE=1"}, []string{"-test.run=Written"}, true, "the variable writes the file"},
		{[]string{"SINEW_UPDATE=1"}, []string{"-update"}, true, "with the variable the flag is that of the package"},
		{[]string{"SINEW_UPDATE=0"}, []string{"-update", "-test.run=Given"}, true, "with the variable the flag is that of the package"},
		{[]string{"SINEW_UPDATE=0"}, []string{"-update", "-test.run=Written"}, false, "the variable leaves the file"},
	} {
		if passes, output := outcome(t, file, c.settings, c.args...); passes != c.passes {
			t.Errorf("%s: it passes: %v, want %v\n%s", c.why, passes, c.passes, output)
		}
	}
}
