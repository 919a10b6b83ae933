package simtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

func TestStormRollingDeploy(t *testing.T) {
	w := stock(0.8*capacity, sec(34), at(5, simtest.Deploy("stock", 2*time.Second)))
	w.Clients[0].Unsafe = true
	runs(t, outage{"rolling deploy", w, func(t *testing.T, r *simtest.Result, _ int) {
		atMost(t, "failed", r.Failed(), 0)
		atMost(t, "attempts beyond the first of calls that must not be repeated", r.Attempts("stock")-r.Requests("stock"), 0)
		for old := range 10 {
			atMost(t, "share of an old one in the end", r.Share("stock", old, sec(30), sec(34)), 0)
		}
	}})
}

func TestStormRegistryIsGoneWhileInstancesDieAndCome(t *testing.T) {
	w := stock(0.1*capacity, sec(720),
		at(30, simtest.RegistryDown()), at(60, simtest.Kill("stock", 2, 5)), at(120, simtest.Add("stock", 2)), at(630, simtest.RegistryUp()))
	runs(t, outage{"registry outage", w, func(t *testing.T, r *simtest.Result, _ int) {
		astray := 0
		for text, n := range r.Errors() {
			if strings.Contains(text, "no_instance") {
				astray += n
			}
		}
		atMost(t, "failed for want of an address", astray, 0)
		atMost(t, "share of calls that failed", 1-r.Good(), 0.00001)
		dead := r.Share("stock", 2, sec(62), sec(630)) + r.Share("stock", 5, sec(62), sec(630))
		atMost(t, "share of the dead", dead, 0.01)
		atLeast(t, "share of the new ones in the end", r.Share("stock", 10, sec(690), sec(720))+r.Share("stock", 11, sec(690), sec(720)), 0.1)
	}})
}
