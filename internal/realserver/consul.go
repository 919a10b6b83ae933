package realserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// Consul runs a Consul agent that is a cluster of one server. It stores nothing on disk:
// after a restart it knows no service.
func Consul(t testing.TB) *Server {
	t.Helper()
	path := program(t, "SINEW_CONSUL", "consul")
	ports := freePorts(t, 3)
	dir := t.TempDir()
	address := "127.0.0.1:" + ports[0]
	return run(t, &Server{
		Addr:    address,
		program: path,
		args: []string{
			"agent", "-dev", "-bind", "127.0.0.1", "-client", "127.0.0.1", "-log-level", "warn",
			"-http-port", ports[0], "-server-port", ports[1], "-serf-lan-port", ports[2],
			"-serf-wan-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1", "-dns-port", "-1",
		},
		check: func() error { return checkConsul(address) },
		log:   filepath.Join(dir, "consul.log"),
	})
}

// checkConsul queries what a server lists last: itself, in its own catalog.
func checkConsul(address string) error {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + address + "/v1/health/service/consul?passing")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", answer.Status)
	}
	var servers []any
	if err := json.NewDecoder(answer.Body).Decode(&servers); err != nil {
		return err
	}
	if len(servers) == 0 {
		return errors.New("the cluster has no healthy server yet")
	}
	return nil
}
