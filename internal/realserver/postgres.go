package realserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nobody is the user and the group that a server runs as which refuses to run as root.
const nobody = 65534

// Postgres runs a PostgreSQL server with the user and the database postgres, without a
// password. Its data is on disk and survives a kill.
func Postgres(t testing.TB) *Server {
	t.Helper()
	path := program(t, "SINEW_POSTGRES", "postgres")
	port := freePorts(t, 1)[0]
	dir := t.TempDir()
	as := asNobody(t, dir)
	if len(as) > 0 && exec.Command(as[0], append(as[1:], "test", "-x", path)...).Run() != nil {
		t.Fatalf("PostgreSQL refuses to run as root, and nobody cannot enter the folder of %s", path)
	}
	data := filepath.Join(dir, "data")
	initdb := append(as, filepath.Join(filepath.Dir(path), "initdb"),
		"-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	runOnce(t, dir, initdb)
	command := append(as, path, "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port="+port,
		"-c", "unix_socket_directories="+dir, "-c", "fsync=off", "-c", "shared_buffers=32MB")
	return run(t, &Server{
		Addr:    "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable",
		program: command[0],
		args:    command[1:],
		check:   func() error { return checkPostgres("127.0.0.1:" + port) },
		log:     filepath.Join(dir, "postgres.log"),
		retries: 50, // after a kill its processes need a moment to end
	})
}

// asNobody returns the command that makes a process nobody's, to whom dir is given, if
// this process is root's.
func asNobody(t testing.TB, dir string) []string {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Fatalf("a server that refuses to run as root needs setpriv: %v", err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // nobody must get there
		t.Fatal(err)
	}
	return []string{setpriv, "--pdeathsig", "KILL", "--reuid", fmt.Sprint(nobody), "--regid", fmt.Sprint(nobody), "--clear-groups"}
}

// runOnce runs a command that prepares a server.
func runOnce(t testing.TB, dir string, command []string) {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// checkPostgres sends the start of a session, to which the server answers with a request
// for a password, or with the session, when it accepts sessions.
func checkPostgres(address string) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	const hello = "\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00"
	if _, err := conn.Write([]byte(hello)); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if answer[0] != 'R' {
		return fmt.Errorf("it answers %q to the start of a session", answer)
	}
	return nil
}
