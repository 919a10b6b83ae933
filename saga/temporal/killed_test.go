package temporal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testprocess"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

// workerConfig is what a process works on.
type workerConfig struct{ Address, Folder string }

// work works until the process is killed.
func work(config workerConfig) {
	c, err := client.NewLazyClient(client.Options{HostPort: config.Address, Logger: noLog})
	if err != nil {
		panic(err)
	}
	p := silent
	p.Lease = time.Second // takes over soon from what has died
	temporal.New(keyed(config.Folder), c).With(p).Run(context.Background())
}

// keyed is a saga whose steps have their effect once per idempotency key: a file. The
// payment of every third order is declined.
func keyed(folder string) saga.Definition[Order] {
	effect := func(name string) saga.Step[Order] {
		leave := func(ctx context.Context, o Order) (Order, error) {
			<-time.After(rand.N(20 * time.Millisecond))
			file, err := os.OpenFile(filepath.Join(folder, url.PathEscape(call.Of(ctx).IdempotencyKey)), os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return o, err
			}
			<-time.After(rand.N(20 * time.Millisecond))
			return o, file.Close()
		}
		return saga.Step[Order]{Name: name, Do: leave, Undo: leave}
	}
	pay := effect("pay")
	accept := pay.Do
	pay.Do = func(ctx context.Context, o Order) (Order, error) {
		if o.Cents%3 == 0 {
			return o, fault.FailedPrecondition.Errorf("declined")
		}
		if rand.N(5) == 0 {
			return o, fault.Unavailable.Errorf("down")
		}
		return accept(ctx, o)
	}
	d := definition(effect("reserve"), saga.Step[Order]{Name: "both", Parallel: []saga.Step[Order]{effect("label"), effect("invoice")}}, pay, effect("ship"))
	d.Retry = saga.RetryPolicy{Attempts: 50, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}
	return d
}

// TestEveryRunEndsWhenWorkersAndTemporalAreKilled kills four times, or for as long as
// SINEW_KILL_SECONDS says.
func TestEveryRunEndsWhenWorkersAndTemporalAreKilled(t *testing.T) {
	const atLeast = 4
	seconds, _ := strconv.Atoi(os.Getenv("SINEW_KILL_SECONDS")) // 0 without one
	server := realserver.Temporal(t)
	config := workerConfig{Address: server.Addr, Folder: t.TempDir()}
	workers := []*exec.Cmd{testprocess.Start(t, config), testprocess.Start(t, config)}
	r := temporal.New(keyed(config.Folder), dial(t, server.Addr, "default")).With(silent)
	var ids []string
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for kills := 0; kills < atLeast || time.Now().Before(end); kills++ {
		for range 5 {
			n := len(ids) + 1
			ids = append(ids, fmt.Sprint("o-", n))
			must(t, r.Start(withPatience(t), ids[n-1], Order{Cents: n}))
		}
		<-time.After(rand.N(300 * time.Millisecond))
		if kills%2 == 1 {
			server.Kill()
			server.Start()
			continue
		}
		testprocess.Kill(t, workers[kills/2%2])
		workers[kills/2%2] = testprocess.Start(t, config)
	}
	t.Logf("%d runs", len(ids))
	checkRuns(t, r, config.Folder, ids)
}

// checkRuns waits for the ends of all runs, and checks what they have done.
func checkRuns(t *testing.T, r saga.Runner[Order], folder string, ids []string) {
	t.Helper()
	ctx := withPatience(t)
	for i, id := range ids {
		end, err := r.Wait(ctx, id)
		want := saga.Done
		if (i+1)%3 == 0 {
			want = saga.Undone
		}
		if end.Phase != want {
			t.Fatalf("run %s is %s (%v), want %s: %+v", id, end.Phase, err, want, end)
		}
		checkEffects(t, folder, id, want)
	}
}

// checkEffects checks which effects a run has left.
func checkEffects(t *testing.T, folder, id string, phase saga.Phase) {
	t.Helper()
	want := []string{"reserve", "both/label", "both/invoice"}
	if phase == saga.Done {
		want = append(want, "pay", "ship")
	} else {
		want = append(want, "reserve#undo", "both/label#undo", "both/invoice#undo", "pay#undo")
	}
	got := map[string]bool{}
	files, err := os.ReadDir(folder)
	must(t, err)
	for _, file := range files {
		key, err := url.PathUnescape(file.Name())
		must(t, err)
		if path, isOf := strings.CutPrefix(key, "checkout/"+id+"/"); isOf {
			path, err = url.PathUnescape(path)
			must(t, err)
			got[path] = true
		}
	}
	for _, path := range want {
		if !got[path] {
			t.Errorf("run %s, which is %s, has not had the effect %s", id, phase, path)
		}
	}
	if len(got) != len(want) {
		t.Errorf("run %s, which is %s, has had the effects %v, want %v", id, phase, got, want)
	}
}
