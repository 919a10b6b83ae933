package realserver

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

const requireVariable = "SINEW_REQUIRE_SERVERS"

// program returns the path of a server's program. Without one it skips or fails the test.
func program(t testing.TB, variable, name string) string {
	t.Helper()
	path, err := find(variable, name)
	if err != nil {
		doWithout(t, variable, err)
	}
	return path
}

// doWithout ends the test because of err: it fails if the variable is set or servers are
// required, and is skipped otherwise.
func doWithout(t testing.TB, variable string, err error) {
	t.Helper()
	if os.Getenv(variable) != "" || os.Getenv(requireVariable) == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func find(variable, name string) (string, error) {
	path, err := exec.LookPath(cmp.Or(os.Getenv(variable), name))
	if err != nil {
		return "", fmt.Errorf("this test needs a real server: put %s in PATH, or its path in %s: %w", name, variable, err)
	}
	return path, nil
}
