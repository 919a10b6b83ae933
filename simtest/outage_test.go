package simtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

// steady is a service with this many instances. A client without policies sends 100
// calls/s of 10 ms each.
func steady(instances int, script ...simtest.Event) simtest.World {
	return simtest.World{
		For: 60 * time.Second, Expiry: 10 * time.Second,
		Services: []simtest.Service{{Name: "stock", Instances: instances, Latency: simtest.Fixed(10 * time.Millisecond)}},
		Clients:  []simtest.Client{{Name: "web", Calls: "stock", Rate: 100, Deadline: time.Second, Config: plain("stock")}},
		Script:   script,
	}
}

// failures counts the failed calls of a window whose error contains text.
func failures(res *simtest.Result, text string, window ...time.Duration) (n int) {
	for err, count := range res.Errors(window...) {
		if strings.Contains(err, text) {
			n += count
		}
	}
	return n
}

func TestKilledInstanceLosesItsWorkAndRefusesUntilItExpires(t *testing.T) {
	w := steady(2, simtest.At(20*time.Second, simtest.Kill("stock", 1)))
	w.Services[0].Latency = simtest.Fixed(200 * time.Millisecond)
	res := simtest.Run(t, w)
	// 100/s × 0.2 s ÷ 2 were in progress.
	if lost := failures(res, "gave no answer"); lost < 5 || lost > 16 || failures(res, "gave no answer", 20*time.Second, 60*time.Second) != 0 {
		t.Errorf("%d lost: %v", lost, res.Errors())
	}
	near(t, "refused", float64(failures(res, "connection refused", 20*time.Second, 30*time.Second)), 500, 0.1)
	if res.Good(0, 19*time.Second) != 1 || res.Good(30500*time.Millisecond, 60*time.Second) != 1 {
		t.Errorf("outside of the outage: %v, %v", res.Errors(0, 19*time.Second), res.Errors(30500*time.Millisecond, 60*time.Second))
	}
	if share := res.Share("stock", 1, 31*time.Second, 60*time.Second); share != 0 {
		t.Errorf("%v of the attempts go to who has expired", share)
	}
}

func TestRestartedInstanceWorksAgainAtItsOldAddress(t *testing.T) {
	const second = time.Second
	w := steady(2, simtest.At(10*second, simtest.Kill("stock", 1)), simtest.At(40*second, simtest.Restart("stock", 1)))
	w.Services[0].Workers = 2
	res := simtest.Run(t, w)
	near(t, "its share", res.Share("stock", 1, 41*second, 60*second), 0.5, 0.01)
	if res.Good(41*second, 60*second) != 1 {
		t.Error(res.Errors(41*second, 60*second))
	}
	// An instance that restarts before it expires stays listed.
	w.Script = []simtest.Event{simtest.At(10*second, simtest.Kill("stock", 1)), simtest.At(12*second, simtest.Restart("stock", 1))}
	res = simtest.Run(t, w)
	near(t, "its share", res.Share("stock", 1, 13*second, 60*second), 0.5, 0.01)
}

func TestKilledInstanceHasFreeWorkersWhenItRestarts(t *testing.T) {
	w := steady(1, simtest.At(10*time.Second, simtest.Slow("stock", 1e5)), simtest.At(12*time.Second, simtest.Kill("stock")),
		simtest.At(13*time.Second, simtest.Heal("stock")), simtest.At(14*time.Second, simtest.Restart("stock")))
	w.Services[0].Workers = 2
	if res := simtest.Run(t, w); res.Good(15*time.Second, 60*time.Second) != 1 {
		t.Error(res.Errors(15*time.Second, 60*time.Second))
	}
}

func TestBlackHoleAnswersNothingAndHeals(t *testing.T) {
	const from, to = 10 * time.Second, 20 * time.Second
	res := simtest.Run(t, steady(2, simtest.At(from, simtest.Hang("stock", 0)), simtest.At(to, simtest.Heal("stock", 0))))
	near(t, "calls that heard nothing", float64(failures(res, "deadline_exceeded", from, to)), 500, 0.1)
	if res.P99(from, to) < time.Second || res.P50(from, to) > 2*time.Second {
		t.Errorf("p50 %s, p99 %s", res.P50(from, to), res.P99(from, to))
	}
	if res.Failed(0, from-time.Second)+res.Failed(to+time.Millisecond, time.Minute) != 0 {
		t.Error("failures outside of the outage")
	}
}

func TestAPartitionAffectsOneCallerOnly(t *testing.T) {
	const from, to = 10 * time.Second, 20 * time.Second
	w := steady(1, simtest.At(from, simtest.Partition("web", "stock")), simtest.At(to, simtest.HealPartition("web", "stock")))
	other := w.Clients[0]
	other.Name = "batch"
	w.Clients = append(w.Clients, other)
	res := simtest.Run(t, w)
	near(t, "share of good calls", res.Good(from, to), 0.5, 0.1)
	if res.Good(to+time.Millisecond, time.Minute) != 1 || res.Good(0, from-100*time.Millisecond) != 1 {
		t.Error("failures outside of the outage")
	}
}

func TestAnswersOfEveryCodeArriveUnchangedAndOnTime(t *testing.T) {
	for code := fault.Canceled; code.String() != "" && code <= fault.Unauthenticated; code++ {
		w := steady(1, simtest.At(0, simtest.AnswerWith("stock", code.Errorf("because").WithReason("said_so"), 3*time.Millisecond)))
		w.For = time.Second
		w.Network = simtest.Fixed(time.Millisecond)
		res := simtest.Run(t, w)
		if failures(res, code.String()+": because (said_so)") != res.Offered() || res.Offered() < 50 {
			t.Errorf("%s: %v", code, res.Errors())
		}
		if p50 := res.P50(); p50 < 5*time.Millisecond || p50 > 5100*time.Microsecond {
			t.Errorf("%s took %s, not 3 ms and 1 ms each way", code, p50)
		}
	}
}

func TestErrorsHaveTheConfiguredShare(t *testing.T) {
	w := steady(3, simtest.At(30*time.Second, simtest.Errors("stock", 0.5, 1)))
	w.Services[0].Errors = 0.1
	res := simtest.Run(t, w)
	near(t, "failed at first", 1-res.Good(0, 30*time.Second), 0.1, 0.15)
	near(t, "failed then", 1-res.Good(30*time.Second, 60*time.Second), (0.1+0.5+0.1)/3, 0.15)
}

func TestASlowInstanceIsSlowerByItsFactor(t *testing.T) {
	res := simtest.Run(t, steady(1, simtest.At(20*time.Second, simtest.Slow("stock", 7)), simtest.At(40*time.Second, simtest.Heal("stock"))))
	for n, want := range []time.Duration{10 * time.Millisecond, 70 * time.Millisecond, 10 * time.Millisecond} {
		from := time.Duration(n) * 20 * time.Second
		near(t, "p50", res.P50(from+time.Second, from+20*time.Second).Seconds(), want.Seconds(), 0.01)
	}
}

func TestDeployReplacesEveryInstanceAndLosesNothing(t *testing.T) {
	for _, codec := range []bool{false, true} {
		w := steady(5, simtest.At(10*time.Second, simtest.Deploy("stock", 2*time.Second)))
		w.Codec = codec
		w.Services[0].Latency = simtest.Exponential(0, 300*time.Millisecond)
		w.Clients[0].Deadline = 0
		w.Services[0].Config.DrainDelay = 500 * time.Millisecond
		res := simtest.Run(t, w)
		if res.Failed() != 0 {
			t.Errorf("failed: %v", res.Errors())
		}
		for n := range 10 {
			before, after := res.Share("stock", n, 0, 10*time.Second), res.Share("stock", n, 21*time.Second, 60*time.Second)
			if n < 5 && (before < 0.15 || after != 0) || n >= 5 && (before != 0 || after < 0.15) {
				t.Errorf("instance %d has a share of %v before and of %v after", n, before, after)
			}
		}
	}
}

func TestRetiringInstanceAnswersForItsDrainDelay(t *testing.T) {
	for drain, refused := range map[time.Duration]time.Duration{-1: 20 * time.Second, 0: 21 * time.Second, 5 * time.Second: 25 * time.Second} {
		w := steady(1, simtest.At(20*time.Second, simtest.Deploy("stock", 0)))
		w.Services[0].Config.DrainDelay = drain
		w.Clients[0].Config.Static = map[string][]string{"stock": {"http://stock-0.test:80"}} // which never reports that it ends
		res := simtest.Run(t, w)
		if res.Good(0, refused) != 1 || res.Good(refused, 60*time.Second) != 0 {
			t.Errorf("drain %s: %v good until then, %v after", drain, res.Good(0, refused), res.Good(refused, 60*time.Second))
		}
	}
}

func TestARegistryThatIsDownAcceptsAndReportsNothing(t *testing.T) {
	const second = time.Second
	res := simtest.Run(t, steady(2,
		simtest.At(10*second, simtest.RegistryDown()),
		simtest.At(11*second, simtest.Add("stock", 1)),
		simtest.At(12*second, simtest.Kill("stock", 0)),
		simtest.At(40*second, simtest.RegistryUp()),
	))
	if share := res.Share("stock", 2, 0, 40*second); share != 0 {
		t.Errorf("%v of the attempts go to who is not registered", share)
	}
	near(t, "share of the dead while the registry is away", res.Share("stock", 0, 25*second, 40*second), 0.5, 0.01)
	near(t, "share of the new one", res.Share("stock", 2, 55*second, 60*second), 0.5, 0.1)
	if share := res.Share("stock", 0, 55*second, 60*second); share != 0 {
		t.Errorf("%v of the attempts go to the dead", share)
	}
}

func TestLoadFollowsTheScript(t *testing.T) {
	const second = time.Second
	res := simtest.Run(t, steady(1, simtest.At(20*second, simtest.Load("web", 400)), simtest.At(30*second, simtest.Load("web", 0)), simtest.At(50*second, simtest.Load("web", 50))))
	near(t, "offered at first", float64(res.Offered(0, 20*second)), 2000, 0.1)
	near(t, "offered then", float64(res.Offered(20*second, 30*second)), 4000, 0.1)
	near(t, "offered in the end", float64(res.Offered(50*second, 60*second)), 500, 0.2)
	if n := res.Offered(30*second, 50*second); n != 0 {
		t.Errorf("%d calls at a rate of 0", n)
	}
}

func TestAddedInstancesGetTheirShare(t *testing.T) {
	res := simtest.Run(t, steady(2, simtest.At(20*time.Second, simtest.Add("stock", 2))))
	for n := range 4 {
		near(t, "share", res.Share("stock", n, 25*time.Second, 60*time.Second), 0.25, 0.01)
	}
}

func TestNetworkTakesItsTimeEachWay(t *testing.T) {
	w := steady(1)
	w.Network = simtest.Fixed(4 * time.Millisecond)
	near(t, "p50", simtest.Run(t, w).P50().Seconds(), 0.018, 0.001)
}

func TestMetadataReachesTheBalancer(t *testing.T) {
	w := steady(2)
	w.Services[0].Metadata = func(n int) map[string]string {
		return map[string]string{"weight": []string{"1", "3"}[n]}
	}
	near(t, "share of the heavy one", simtest.Run(t, w).Share("stock", 1), 0.75, 0.01)
}

func TestDoCallsThroughTheProcessOwnClient(t *testing.T) {
	w := steady(1)
	w.Services = append(w.Services, simtest.Service{Name: "page", Do: func(ctx context.Context, i *simtest.Instance) error {
		if err := i.Work(ctx, simtest.Fixed(time.Millisecond)); err != nil {
			return err
		}
		return i.Call(ctx, "stock", op)
	}})
	w.Clients[0].Calls = "page"
	res := simtest.Run(t, w)
	if res.Requests("stock") != res.Requests("page") || res.Good() != 1 {
		t.Errorf("%v calls of page, %v of stock: %v", res.Requests("page"), res.Requests("stock"), res.Errors())
	}
	near(t, "p50", res.P50().Seconds(), 0.011, 0.001)
}
