package realserver

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

// MariaDB runs a MariaDB server with the user root, without a password, and the database
// test. Its data is on disk and survives a kill.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	path := program(t, "SINEW_MARIADB", "mariadbd")
	port := freePorts(t, 1)[0]
	dir := t.TempDir()
	data, base := filepath.Join(dir, "data"), filepath.Dir(filepath.Dir(path))
	runOnce(t, dir, []string{
		filepath.Join(base, "scripts", "mariadb-install-db"), "--no-defaults", "--basedir=" + base, "--datadir=" + data,
		"--auth-root-authentication-method=normal", "--user=root",
	})
	return run(t, &Server{
		Addr:    "root@tcp(127.0.0.1:" + port + ")/test",
		program: path,
		args: []string{
			"--no-defaults", "--basedir=" + base, "--datadir=" + data, "--bind-address=127.0.0.1", "--port=" + port,
			"--socket=" + filepath.Join(dir, "socket"), "--user=root", "--skip-ssl", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0",
		},
		check:   func() error { return checkMariaDB("127.0.0.1:" + port) },
		log:     filepath.Join(dir, "mariadb.log"),
		retries: 50,
	})
}

// checkMariaDB reads the greeting, whose fifth byte is the version of the protocol.
func checkMariaDB(address string) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	greeting := make([]byte, 5)
	if _, err := io.ReadFull(conn, greeting); err != nil {
		return err
	}
	if greeting[4] != 10 {
		return fmt.Errorf("greeting %q is no protocol 10", greeting)
	}
	return nil
}
