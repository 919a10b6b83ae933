// Package realserver runs real servers for tests, each on ports and in a
// directory of its own, and lets a test kill and restart them.
//
//	server := realserver.Consul(t)
//	server.Kill()  // SIGKILL: no goodbye
//	server.Start() // again on the same address
//
// # Which program
//
// SINEW_CONSUL and SINEW_NATS name the programs. Without them consul and
// nats-server are looked for in PATH. Where there is none the test is skipped,
// or fails if SINEW_REQUIRE_SERVERS is 1.
//
// # End
//
// A server ends with its test, and on Linux with the test's process too, so
// that a run that is cut off leaves nothing behind. The methods are for the
// goroutine of the test, since they fail it.
package realserver

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// How long a server may take to answer, and how often it is asked.
const (
	startLimit = 30 * time.Second
	askEvery   = 20 * time.Millisecond
)

// Server is a server that runs for one test.
type Server struct {
	// Addr is where it answers: host:port of the HTTP API for Consul,
	// nats://host:port for NATS. A restart keeps it.
	Addr string

	t       testing.TB
	program string
	args    []string
	answers func() error
	log     string
	running *process // nil while killed
}

// process is one run of the program.
type process struct {
	*os.Process
	ended chan struct{}
}

// Start begins the server, on the same ports and data, and returns when it
// answers. Use it after [Server.Kill]; it fails the test if the server runs or
// does not come up.
func (s *Server) Start() {
	s.t.Helper()
	if s.running != nil {
		s.t.Fatalf("%s at %s runs already", s.program, s.Addr)
	}
	running, err := begin(s.program, s.args, s.log)
	if err != nil {
		s.t.Fatalf("%s does not start: %v", s.program, err)
	}
	s.running = running
	s.await()
}

// Kill ends the server with SIGKILL and waits until it is gone. One that is
// killed already stays so.
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

func (s *Server) await() {
	s.t.Helper()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		err := s.answers()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-s.running.ended:
			s.t.Fatalf("%s ended before it answered:\n%s", s.program, s.said())
		case <-limit.C:
			s.t.Fatalf("%s does not answer at %s after %s: %v\n%s", s.program, s.Addr, startLimit, err, s.said())
		}
	}
}

// said is the end of what the server wrote.
func (s *Server) said() string {
	const enough = 4 << 10
	all, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(all[max(0, len(all)-enough):])
}

// begin starts the program and keeps the thread that did so for as long as it
// runs: on Linux the program dies with its parent thread.
func begin(program string, args []string, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = out, out
	command.SysProcAttr = endsWithParent()
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer out.Close()
		err := command.Start()
		p.Process = command.Process
		started <- err
		if err == nil {
			_ = command.Wait() // killed is what it mostly is
			close(p.ended)
		}
	}()
	return p, <-started
}
