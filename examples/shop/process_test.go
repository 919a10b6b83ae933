//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/realserver"
)

// process is the shop, or one of its services, as a separate process.
type process struct {
	*exec.Cmd
	out, log output
	ended    chan struct{}
	err      error
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func begin(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.Env = append(os.Environ(), asShop+"=1")
	p.Stdout, p.Stderr = &p.out, &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended already
		<-p.ended
		if t.Failed() {
			t.Logf("%v\n%s\n%s", args, p.out.String(), p.log.String())
		}
	})
	return p
}

// stop stops the process as an operator does, and checks that it succeeded.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	p.waitForEnd(t)
}

// checkFailure checks that the process ends with this status and prints these words.
func (p *process) checkFailure(t *testing.T, status int, words ...string) {
	t.Helper()
	<-p.ended
	if got := p.ProcessState.ExitCode(); got != status {
		t.Errorf("%v ended with %d, want %d", p.Args[1:], got, status)
	}
	for _, w := range words {
		if log := p.log.String(); !strings.Contains(log, w) {
			t.Errorf("%v says %q without %q", p.Args[1:], log, w)
		}
	}
}

func (p *process) waitForEnd(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("%v ended with %v", p.Args[1:], p.err)
		}
	case <-time.After(3 * time.Minute):
		t.Errorf("%v does not end", p.Args[1:])
	}
}

// freeAddr returns an address below the port range of outgoing connections, so that none
// of those can occupy it before the shop does.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 200 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.N(20000)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return l.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}

// waitUntilOpen waits until the shop reports that it is open.
func (p *process) waitUntilOpen(t *testing.T) *shop {
	t.Helper()
	s := &shop{TB: t, http: newHTTP()}
	t.Cleanup(s.http.CloseIdleConnections)
	s.waitUntil(func() bool {
		if m := regexp.MustCompile(`(?m)^The shop is open at (http://[^ ]+[0-9])`).FindStringSubmatch(p.out.String() + p.log.String()); m != nil {
			s.remote = m[1]
		}
		select {
		case <-p.ended:
			return true
		default:
			return s.remote != ""
		}
	})
	if s.remote == "" {
		t.Fatal("the shop did not open")
	}
	return s
}

// steps returns the statuses in the printed flow; each line has a trace ID.
func steps(out string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^order \S+ +(\w+) .*trace ([0-9a-f]{32})$`).FindAllStringSubmatch(out, -1) {
		all = append(all, m[1])
	}
	return all
}

const flow = "[pending confirmed processing shipped delivered]"

func TestOnceShowsTheFlowAndEnds(t *testing.T) {
	p := begin(t, "-once", "-gateway", "127.0.0.1:0")
	p.waitForEnd(t)
	if got := fmt.Sprint(steps(p.out.String())); got != flow {
		t.Errorf("printed %s\n%s", got, p.out.String())
	}
	if log := p.log.String(); log != "" {
		t.Errorf("complains of %s", log)
	}
	if first, _, _ := strings.Cut(p.out.String(), "\n"); !strings.Contains(first, "asks nobody who they are") {
		t.Errorf("the first line is %s", first)
	}
	trace := regexp.MustCompile(`http://\S+/traces/[0-9a-f]{32}`)
	if !trace.MatchString(p.out.String()) || !strings.Contains(p.out.String(), "With -v") {
		t.Errorf("it does not say where its traces and logs are:\n%s", p.out.String())
	}
}

func TestByDefaultTheShopIsForThisMachineAlone(t *testing.T) {
	p := begin(t, "-h")
	p.checkFailure(t, 0, `(default "127.0.0.1:8080")`)
}

func TestDataIsKeptAndSIGTERMEndsWell(t *testing.T) {
	dir := t.TempDir() + "/made/if/missing"
	var orders []string
	for range 2 {
		p := begin(t, "-gateway", "127.0.0.1:0", "-data", dir)
		s := p.waitUntilOpen(t)
		orders = append(orders, fmt.Sprint(len(items(s.ok(200, "GET", "/orders", "")))))
		s.http.CloseIdleConnections()
		p.stop(t)
	}
	if got := strings.Join(orders, " "); got != "1 2" {
		t.Errorf("orders after each start: %s", got)
	}
}

func TestAPortInUseIsReported(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p := begin(t, "-once", "-gateway", l.Addr().String())
	p.checkFailure(t, 1, "taken", l.Addr().String())
}

func TestAnArgumentThatIsNoFlagIsRefused(t *testing.T) {
	begin(t, "-once", "-gateway", "127.0.0.1:0", "consul").checkFailure(t, 2, `"consul" is no flag`)
}

func TestADatabaseThatIsNoURLOfPostgreSQLIsRefused(t *testing.T) {
	begin(t, "-once", "-gateway", "127.0.0.1:0", "-db", "mysql://localhost").checkFailure(t, 1, "-db", "postgres://")
}

func TestOneProcessOnConsulServesItsGatewayOnLoopback(t *testing.T) {
	consul := realserver.Consul(t)
	p := begin(t, "-once", "-gateway", "localhost:0", "-registry", "consul", "-consul", consul.Addr)
	p.waitForEnd(t)
	if got := fmt.Sprint(steps(p.out.String())); got != flow || !strings.Contains(p.out.String(), "The shop is open at http://localhost:") {
		t.Errorf("printed %s\n%s", got, p.out.String())
	}
}
