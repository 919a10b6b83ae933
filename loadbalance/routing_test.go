package loadbalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

// zones returns n instances, the first ones in zone "here", the others in "there".
func zones(here, n int) []registry.Instance {
	all := many(n)
	for i := range all {
		zone := "there"
		if i < here {
			zone = "here"
		}
		all[i].Metadata = map[string]string{"zone": zone}
	}
	return all
}

func TestInstancesOfTheOwnZoneArePreferred(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a, Zone: "here"}, zones(2, 6))
			got := counts(t, b, 500, takes(time.Millisecond))
			if got["0"]+got["1"] != 500 {
				t.Errorf("%s: %v", a, got)
			}
			if id := pick(t, b, "0", "1").Instance.ID; id == "0" || id == "1" {
				t.Errorf("%s: both of the zone were tried, and it picked %s", a, id)
			}
			fail(t, b, "0", 5)
			fail(t, b, "1", 5)
			got = counts(t, b, 500, takes(time.Millisecond))
			if got["0"]+got["1"] != 0 {
				t.Errorf("%s: both of the zone are out: %v", a, got)
			}
			b.Update(zones(0, 6))
			if got := counts(t, b, 100, takes(time.Millisecond)); len(got) < 2 {
				t.Errorf("%s: nobody is in the zone: %v", a, got)
			}
		})
	}
}

func TestCallsSpillOverFromALoadedZone(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Zone: "here"}, zones(2, 6))
		here := 0
		for range 300 { // all at once
			if id := pick(t, b).Instance.ID; id == "0" || id == "1" {
				here++
			}
		}
		if here < 110 || here > 200 {
			t.Errorf("%s: %d of 300 stay", a, here)
		}
	}
}
