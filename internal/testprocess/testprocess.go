// Package testprocess runs the program of a test again, as processes that the test kills.
package testprocess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// variable has the settings of a process.
const variable = "SINEW_TEST_PROCESS"

// Serve runs a process that [Start] has started, and ends it. In the program of the test
// itself it does nothing. Call it first in TestMain.
func Serve[Settings any](run func(Settings)) {
	text := os.Getenv(variable)
	if text == "" {
		return
	}
	var s Settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(fmt.Sprintf("%s: %v", variable, err))
	}
	run(s)
	os.Exit(0)
}

// Start starts a process with settings, which travel as JSON. It is killed when the test
// ends, or by [Kill].
func Start(t testing.TB, settings any) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(context.Background(), os.Args[0]) // it outlives the context of the test, until its clean-up
	c.Env = append(os.Environ(), variable+"="+string(text))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Kill(t, c) })
	return c
}

// Kill kills a process and waits for its end. Its first call for a process has an effect.
func Kill(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if c.ProcessState != nil {
		return
	}
	_ = c.Process.Kill() // it may have ended by itself
	if err := c.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Error(err)
	}
}
