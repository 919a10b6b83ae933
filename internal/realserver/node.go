package realserver

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// NodeModules returns the folder, from a variable of the environment, in which npm has
// installed what a program for Node needs. Without one, or without Node, it skips or fails
// the test.
func NodeModules(t testing.TB, variable string) string {
	t.Helper()
	folder := os.Getenv(variable)
	if _, err := exec.LookPath("node"); err != nil || folder == "" {
		doWithout(t, variable, fmt.Errorf("this test needs Node, and in %s a folder in which npm has installed its modules", variable))
	}
	return folder
}
