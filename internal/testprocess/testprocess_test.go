package testprocess_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/testprocess"
)

// note makes a process write a text to a file.
type note struct{ File, Text string }

func TestMain(m *testing.M) {
	testprocess.Serve(func(n note) {
		if err := os.WriteFile(n.File, []byte(n.Text), 0o600); err != nil {
			panic(err)
		}
		select {}
	})
	goleak.VerifyTestMain(m)
}

func ExampleServe() {
	testprocess.Serve(func(n note) { fmt.Println(n.Text) }) // in a process of Start
	fmt.Println("this is the test itself")
	// Output: this is the test itself
}

func TestAProcessHasItsSettingsUntilItIsKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "note")
	c := testprocess.Start(t, note{file, "hello"})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if text, _ := os.ReadFile(file); string(text) == "hello" {
			break
		}
	}
	if text, err := os.ReadFile(file); string(text) != "hello" {
		t.Errorf("it wrote %q (%v)", text, err)
	}
	for range 2 {
		testprocess.Kill(t, c)
	}
	if c.ProcessState == nil || c.ProcessState.Success() {
		t.Errorf("it ended with %v", c.ProcessState)
	}
}
