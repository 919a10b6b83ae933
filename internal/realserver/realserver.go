// Package realserver runs real servers for tests, each on ports and in a
// directory of its own, and lets a test kill and restart them.
//
//	server := realserver.Consul(t)
//	server.Kill()  // SIGKILL: no goodbye
//	server.Start() // again on the same address
//
// # Which program
//
// SINEW_CONSUL, SINEW_NATS, SINEW_POSTGRES, SINEW_MARIADB and SINEW_TEMPORAL name the
// programs. Otherwise consul, nats-server, postgres, mariadbd and temporal are searched for
// in PATH. SINEW_KAFKA names the folder of Kafka's jars, and java is searched for. If there
// is none, the test is skipped, or fails if SINEW_REQUIRE_SERVERS is 1.
//
// # End
//
// A server ends with its test. On Linux it also ends with the process of the test, so
// that an aborted run leaves nothing behind. The methods fail the test, so call them in
// its goroutine.
package realserver

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// How long a server may take to become ready, and how often that is checked.
const (
	startTimeout = 2 * time.Minute
	pollInterval = 20 * time.Millisecond
	retryPause   = 100 * time.Millisecond
)

// Server is a server that runs for one test.
type Server struct {
	// Addr is the address of the server: host:port of the HTTP API for Consul, of the broker
	// for Kafka and of the frontend for Temporal, nats://host:port for NATS, the name of the database for database/sql
	// for PostgreSQL and MariaDB. It stays the same after a restart.
	Addr string
	// SASLAddr is the address of Kafka's listener that asks for KafkaUser and KafkaPassword.
	SASLAddr string

	t       testing.TB
	program string
	args    []string
	check   func() error
	log     string
	retries int      // of a start that fails at once, as after a kill
	running *process // nil while killed
}

// process is one run of the program.
type process struct {
	*os.Process
	ended chan struct{}
}

// Start starts the server on the same ports and data, and returns when it is ready. Use
// it after [Server.Kill]. It fails the test if the server runs already or does not start.
func (s *Server) Start() {
	s.t.Helper()
	if s.running != nil {
		s.t.Fatalf("%s at %s runs already", s.program, s.Addr)
	}
	s.launch()
	s.waitUntilReady()
}

// launch starts the process.
func (s *Server) launch() {
	s.t.Helper()
	running, err := startProcess(s.program, s.args, s.log)
	if err != nil {
		s.t.Fatalf("%s does not start: %v", s.program, err)
	}
	s.running = running
}

// Kill ends the server with SIGKILL and waits until it is gone. If it is killed already,
// Kill does nothing.
func (s *Server) Kill() {
	if s.running == nil {
		return
	}
	_ = s.running.Kill() // it may have ended by itself
	<-s.running.ended
	s.running = nil
}

// run starts a server that ends with its test.
func run(t testing.TB, s *Server) *Server {
	t.Helper()
	s.t = t
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

func (s *Server) waitUntilReady() {
	s.t.Helper()
	limit, retries := time.NewTimer(startTimeout), s.retries
	defer limit.Stop()
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	for {
		err := s.check()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-s.running.ended:
			if retries--; retries >= 0 {
				time.Sleep(retryPause)
				s.launch()
				continue
			}
			s.t.Fatalf("%s ended before it answered:\n%s", s.program, s.logTail())
		case <-limit.C:
			s.t.Fatalf("%s does not answer at %s after %s: %v\n%s", s.program, s.Addr, startTimeout, err, s.logTail())
		}
	}
}

// logTail is the end of the server's log.
func (s *Server) logTail() string {
	const enough = 4 << 10
	all, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(all[max(0, len(all)-enough):])
}

// startProcess locks the thread that starts the program for as long as the program runs:
// on Linux the program dies with that thread.
func startProcess(program string, args []string, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = out, out
	command.SysProcAttr = dieWithParent()
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer out.Close()
		err := command.Start()
		p.Process = command.Process
		started <- err
		if err == nil {
			_ = command.Wait() // the error is usually that it was killed
			close(p.ended)
		}
	}()
	return p, <-started
}
