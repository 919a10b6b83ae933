package simtest_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

func TestEveryFaultOfAWorldIsReportedTogether(t *testing.T) {
	wrong := sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": {Timeout: -1}}}
	nan := math.NaN()
	w := simtest.World{
		For: -time.Second, Expiry: -1, Bus: eventbus.MemoryPolicy{Buffer: -1},
		Services: []simtest.Service{
			{Name: "stock", Instances: -1, Workers: -2, Errors: nan, Config: wrong},
			{Name: "stock", Errors: 1.5, Calls: []string{"nobody"}},
			{Name: "", Queue: 3, Do: nothing, Latency: simtest.Fixed(0)},
			{Name: "a", Calls: []string{"b"}}, {Name: "b", Calls: []string{"a"}},
		},
		Clients: []simtest.Client{
			{Calls: "stock", Rate: nan},
			{Calls: "nobody", Rate: 1, Users: 1, Processes: -1, Deadline: -1},
			{Name: "idle", Calls: "stock", Think: simtest.Fixed(1), Config: wrong},
			{Name: "a", Calls: "stock", Users: -1},
			{Name: "users", Calls: "stock", Users: 1},
		},
		Script: []simtest.Event{
			{}, simtest.At(-1, simtest.RegistryUp()), simtest.At(time.Hour, simtest.RegistryDown()),
			simtest.At(0, simtest.Slow("stock", nan)), simtest.At(0, simtest.Errors("stock", nan)), simtest.At(0, simtest.AnswerWith("stock", nil, -1)),
			simtest.At(0, simtest.Load("client", nan)), simtest.At(0, simtest.Load("someone", 1)), simtest.At(0, simtest.Load("users", 1)),
			simtest.At(0, simtest.Kill("nowhere")), simtest.At(0, simtest.Kill("a", 1, -3)), simtest.At(0, simtest.Partition("thin air", "a")),
			simtest.At(0, simtest.Deploy("a", -1)), simtest.At(0, simtest.Add("a", 0)),
		},
	}
	err := w.Validate()
	for _, text := range []string{
		"For: -1s is negative", "Expiry: -1ns is negative", "Bus: ", "buffer: -1",
		`Services: the name "stock" is taken`, `Services: the name "" is empty`, `Clients: the name "client" is taken`, `Clients: the name "a" is taken`,
		"service stock: Instances: -1", "service stock: Workers: -2 is negative", "service stock: Errors: NaN", "service stock: Errors: 1.5",
		`service stock: Calls: there is no service "nobody"`, "service stock: Config.Clients: stock: ", "service : Queue: 3", "service : beside Do",
		"service a: Calls: it calls itself in the end: [a b a]",
		"client client: Rate: NaN", `client client: Calls: there is no service "nobody"`, "Rate and Users are both set", "Processes: -1", "Deadline: -1ns",
		"client idle: neither Rate nor Users", "client idle: Think", "client idle: Config.Clients: stock: invalid_argument: timeout: -1ns", "client a: Users: -1",
		"Script: at 0s: nothing happens", "Script: at -1ns: the run is from 0 to", "Script: at 1h0m0s: the run is from 0 to",
		"Slow: factor NaN", "Errors: share NaN", "AnswerWith: after -1ns", "Load: rate NaN", `there is no client "someone"`, "Load has no effect on client users",
		`there is no service "nowhere"`, "service a has no instance 1 then", "service a has no instance -3 then", `there is no client or service "thin air"`,
		"Deploy: pause -1ns", "Add: 0 instances",
	} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("nothing says %q", text)
		}
	}
	if !errors.Is(err, fault.InvalidArgument) || t.Failed() {
		t.Error(err)
	}
	if err := (simtest.World{}).Validate(); err == nil || err.Error() != "invalid_argument: Clients: nobody calls" {
		t.Errorf("an empty world: %v", err)
	}
}

func TestAScriptMayNameInstancesThatItAddedEarlier(t *testing.T) {
	w := steady(2, simtest.At(20*time.Second, simtest.Kill("stock", 6)), simtest.At(5*time.Second, simtest.Add("stock", 2)), simtest.At(6*time.Second, simtest.Deploy("stock", 0)))
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	w.Script[0] = simtest.At(20*time.Second, simtest.Kill("stock", 8))
	if err := w.Validate(); err == nil {
		t.Error("there are 2, 2 more, and 4 in their place: no number 8")
	}
}
