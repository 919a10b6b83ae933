package realserver

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Temporal runs a development server of Temporal with the namespace default. Its workflows
// are in a file and survive a kill.
func Temporal(t testing.TB) *Server {
	t.Helper()
	path := program(t, "SINEW_TEMPORAL", "temporal")
	ports := freePorts(t, 2)
	dir := t.TempDir()
	address := "127.0.0.1:" + ports[0]
	return run(t, &Server{
		Addr:    address,
		program: path,
		args: []string{
			"server", "start-dev", "--ip", "127.0.0.1", "--port", ports[0], "--http-port", ports[1], "--headless",
			"--db-filename", filepath.Join(dir, "temporal.db"), "--log-level", "error",
			"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=0", // a killed process loses nothing
			"--dynamic-config-value", `history.timerProcessorMaxTimeShift="10ms"`, // instead of 1 s
		},
		check:   func() error { return checkTemporal(path, address) },
		log:     filepath.Join(dir, "temporal.log"),
		retries: 50, // its other ports are chosen at random
	})
}

// checkTemporal asks for the health of the server and for the namespace, which is made
// after the server is healthy.
func checkTemporal(path, address string) error {
	conn, err := dial(address) // the command waits long for a server that is not there
	if err != nil {
		return err
	}
	_ = conn.Close()
	for _, question := range [][]string{{"cluster", "health"}, {"namespace", "describe", "default"}} {
		out, err := exec.Command(path, append(append([]string{"operator"}, question...), "--address", address)...).CombinedOutput() //nolint:gosec // a test names the program
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(question, " "), err, out)
		}
	}
	return nil
}
