package simtest_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

// BenchmarkThreeTiers measures a call through three tiers, all hops together. With
// -benchtime 600000x it is ten minutes at 1,000 calls/s.
func BenchmarkThreeTiers(b *testing.B) { benchmarkTiers(b, false) }

// BenchmarkThreeTiersCodec is BenchmarkThreeTiers through package rest.
func BenchmarkThreeTiersCodec(b *testing.B) { benchmarkTiers(b, true) }

func benchmarkTiers(b *testing.B, codec bool) {
	w := tiers(time.Duration(b.N) * time.Millisecond)
	w.Codec = codec
	b.ReportAllocs()
	// A benchmark has no bubble; a test in it does.
	ok := testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: b.Name(), F: func(t *testing.T) { simtest.Run(t, w) },
	}})
	if !ok {
		b.Fatal("the run failed")
	}
}

// tiers is a world of three tiers at 1,000 calls/s.
func tiers(during time.Duration) simtest.World {
	quick := simtest.Exponential(time.Millisecond, time.Millisecond)
	return simtest.World{
		For: max(during, time.Millisecond),
		Services: []simtest.Service{
			{Name: "edge", Instances: 4, Workers: 100, Latency: quick, Calls: []string{"mid"}},
			{Name: "mid", Instances: 4, Workers: 100, Latency: quick, Calls: []string{"db"}},
			{Name: "db", Instances: 10, Workers: 4, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)},
		},
		Clients: []simtest.Client{{Calls: "edge", Rate: 1000, Deadline: 500 * time.Millisecond}},
	}
}

func TestThreeTiersAnswerEveryCallWithoutDisturbance(t *testing.T) {
	res := simtest.Run(t, tiers(10*time.Second))
	if res.Good() < 0.9999 || res.Requests("db") != float64(res.Offered()) {
		t.Errorf("%v good of %d, %v at the bottom: %v", res.Good(), res.Offered(), res.Requests("db"), res.Errors())
	}
	// The mean times of the tiers are 1 + 1 ms, twice, and 5 + 5 ms.
	near(t, "p50", res.P50().Seconds(), 0.0127, 0.1)
}
