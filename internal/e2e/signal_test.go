//go:build unix

package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/transport/rest"
)

// serviceProcess is the environment variable that makes the test binary a service with
// this DrainDelay, for the tests of signals.
const serviceProcess = "SINEW_TEST_SERVICE"

func init() {
	delay, err := time.ParseDuration(os.Getenv(serviceProcess))
	if err != nil {
		return
	}
	svc := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Logger: servicetest.NoLog, DrainDelay: delay})
	api.GetStock.Handle(svc, func(ctx context.Context, r *api.StockRequest) (*api.Inventory, error) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
		return stock.Get(ctx, r)
	})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /hang"}.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) { select {} })
	svc.Go(func(context.Context) { fmt.Println(svc.URL()) })
	svc.Main()
	os.Exit(0)
}

// startProcess runs the service as a process of its own.
func startProcess(t *testing.T, delay string) (process *exec.Cmd, url string) {
	t.Helper()
	process = exec.Command(os.Args[0])
	process.Env = append(os.Environ(), serviceProcess+"="+delay)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return process, strings.TrimSpace(line)
}

func TestSIGTERMDuringLoadFailsNoRequest(t *testing.T) {
	process, url := startProcess(t, "0s") // what the zero Config does
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	defer transport.CloseIdleConnections()
	get := api.GetStock.Endpoint(rest.Remote(url, &http.Client{Transport: transport}))
	var answered, failed atomic.Int64
	var closing atomic.Bool
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range 16 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := get(t.Context(), &api.StockRequest{ProductID: "p-1"}); err == nil {
					answered.Add(1)
				} else {
					failed.Add(1)
					t.Log(err)
				}
			}
		})
	}
	for answered.Load() < 500 {
		<-time.After(time.Millisecond)
	}
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for !closing.Load() { // callers that have noticed stop calling; until then all are answered
		answer, err := http.Get(url + "/healthz")
		if err != nil {
			t.Fatalf("it stopped answering before it said that it would: %v", err)
		}
		_ = answer.Body.Close()
		closing.Store(answer.Close)
	}
	close(stop)
	load.Wait()
	http.DefaultClient.CloseIdleConnections()
	if err := process.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), failed.Load()+answered.Load())
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	process, url := startProcess(t, "-1s")
	hanging := make(chan struct{})
	go func() {
		defer close(hanging)
		if answer, err := http.Get(url + "/hang"); err == nil {
			_ = answer.Body.Close()
		}
	}()
	for { // until the hanging request is in
		_, _, body := servicetest.Get(t, url+"/readyz")
		if strings.Contains(body, "ready") {
			break
		}
	}
	for range 2 {
		if err := process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for {
			answer, err := http.Get(url + "/healthz")
			if err != nil {
				break
			}
			_ = answer.Body.Close()
			if answer.Close {
				break
			}
		}
	}
	_ = process.Wait()
	if process.ProcessState.Success() {
		t.Error("it ended as if all had been well")
	}
	<-hanging
	http.DefaultClient.CloseIdleConnections()
}

func TestASecondSignalCutsTheDrainDelayShort(t *testing.T) {
	process, url := startProcess(t, "1h")
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it is in the delay
		answer, err := http.Get(url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.Close {
			break
		}
	}
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	if process.ProcessState.Success() {
		t.Error("it ended as if all had been well")
	}
	http.DefaultClient.CloseIdleConnections()
}
