package loadbalance_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

var (
	errDown        = fault.Unavailable.Errorf("down")
	errUnreachable = fault.Unavailable.Errorf("connection refused").WithUnprocessed()
	errDraining    = fault.Unavailable.Errorf("going").WithReason("draining").WithUnprocessed()
	errNoRoom      = fault.Unavailable.Errorf("no room").WithReason("overloaded").WithUnprocessed()
	anyRequest     = loadbalance.Request{}
)

// instances returns a, b, c... with these weights, "" for none.
func instances(weights ...string) []registry.Instance {
	var all []registry.Instance
	for n, w := range weights {
		id := string(rune('a' + n))
		i := registry.Instance{ID: id, Name: "orders", Endpoint: "http://" + id + ":80", Status: registry.Healthy}
		if w != "" {
			i.Metadata = map[string]string{"weight": w}
		}
		all = append(all, i)
	}
	return all
}

// many returns n instances, "0" and on.
func many(n int) []registry.Instance {
	all := make([]registry.Instance, n)
	for i := range all {
		all[i] = registry.Instance{ID: fmt.Sprint(i), Name: "orders", Endpoint: fmt.Sprintf("http://10.0.0.%d:80", i)}
	}
	return all
}

func pool(p loadbalance.Policy, all []registry.Instance) *loadbalance.Pool {
	b := loadbalance.New("orders", p)
	b.Update(all)
	return b
}

func pick(t testing.TB, b loadbalance.Balancer, tried ...string) loadbalance.Picked {
	t.Helper()
	picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: tried})
	if err != nil {
		t.Fatal(err)
	}
	return picked
}

// only picks the instance with this id: it gives all others as tried.
func only(t testing.TB, b *loadbalance.Pool, id string) loadbalance.Picked {
	t.Helper()
	var others []string
	for _, i := range b.Snapshot().Instances {
		if i.ID != id {
			others = append(others, i.ID)
		}
	}
	picked := pick(t, b, others...)
	if picked.Instance.ID != id {
		t.Fatalf("picked %s, not %s", picked.Instance.ID, id)
	}
	return picked
}

// fail makes n calls to the instance that fail at once.
func fail(t testing.TB, b *loadbalance.Pool, id string, n int) {
	t.Helper()
	for range n {
		only(t, b, id).Done(context.Background(), errDown)
	}
}

// counts makes n calls, one after the other, and counts them by instance. Each takes as
// long, and ends, as call says.
func counts(t testing.TB, b loadbalance.Balancer, n int, call func(id string) (time.Duration, error)) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		picked := pick(t, b)
		got[picked.Instance.ID]++
		took, err := call(picked.Instance.ID)
		if took > 0 {
			<-time.After(took)
		}
		picked.Done(context.Background(), err)
	}
	return got
}

func succeeds(string) (time.Duration, error) { return 0, nil }

func state(t testing.TB, b *loadbalance.Pool, id string) loadbalance.Instance {
	t.Helper()
	for _, i := range b.Snapshot().Instances {
		if i.ID == id {
			return i
		}
	}
	t.Fatalf("the pool has no %s", id)
	return loadbalance.Instance{}
}

func ejected(b *loadbalance.Pool) (n int) {
	for _, i := range b.Snapshot().Instances {
		if i.Ejected {
			n++
		}
	}
	return n
}

var safe = loadbalance.Request{Safe: true}

// traffic starts one safe call every gap for d, without waiting for earlier ones, and
// counts the calls and the probes of each instance.
func traffic(t *testing.T, b *loadbalance.Pool, gap, d time.Duration, call func(id string) (time.Duration, error)) (got, probes map[string]int) {
	t.Helper()
	got, probes = map[string]int{}, map[string]int{}
	done := make(chan struct{})
	calls := int(d / gap)
	for range calls {
		picked, broken := b.Pick(context.Background(), safe)
		if broken != nil {
			t.Fatal(broken)
		}
		id := picked.Instance.ID
		got[id]++
		if picked.HedgeAfter > 0 {
			probes[id]++
		}
		took, err := call(id)
		go func() {
			<-time.After(took)
			picked.Done(context.Background(), err)
			done <- struct{}{}
		}()
		<-time.After(gap)
		select {
		case <-done:
			calls--
		default:
		}
	}
	for range calls {
		<-done
	}
	return got, probes
}

func takes(d time.Duration) func(string) (time.Duration, error) {
	return func(string) (time.Duration, error) { return d, nil }
}
