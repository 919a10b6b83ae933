package realserver

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// NATS runs a NATS server with JetStream. Its streams are on disk and survive a kill.
func NATS(t testing.TB) *Server {
	t.Helper()
	path := program(t, "SINEW_NATS", "nats-server")
	port := freePorts(t, 1)[0]
	dir := t.TempDir()
	address := "127.0.0.1:" + port
	return run(t, &Server{
		Addr:    "nats://" + address,
		program: path,
		args:    []string{"-a", "127.0.0.1", "-p", port, "-js", "-sd", filepath.Join(dir, "data")},
		check:   func() error { return checkNATS(address) },
		log:     filepath.Join(dir, "nats.log"),
	})
}

// checkNATS reads the greeting, which the server sends when its streams are recovered.
func checkNATS(address string) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(greeting, "INFO ") || !strings.Contains(greeting, `"jetstream":true`) {
		return fmt.Errorf("greeting %q speaks of no JetStream", strings.TrimSpace(greeting))
	}
	return nil
}
