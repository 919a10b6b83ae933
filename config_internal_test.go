package sinew

import (
	"net"
	"testing"
	"time"

	"github.com/sinew-go/sinew/registry"
)

func TestDrainDelayDependsOnTheRegistry(t *testing.T) {
	memory := registry.NewMemory()
	remote := struct{ registry.Registry }{memory}
	for want, c := range map[time.Duration][]Config{
		time.Second: {
			{}, {Addr: ":80"}, {Registry: remote}, {Addr: ":0", Registry: remote}, {Addr: ":0", Advertise: "host:80"}, {Listener: &net.TCPListener{}}, {Addr: ":0"},
		},
		100 * time.Millisecond: {{Registry: memory}},
		time.Minute:            {{DrainDelay: time.Minute}, {Registry: memory, DrainDelay: time.Minute}},
		-1:                     {{DrainDelay: -1}, {Registry: remote, DrainDelay: -1}},
	} {
		for _, c := range c {
			if got := c.withDefaults().DrainDelay; got != want {
				t.Errorf("%+v: %s, want %s", c, got, want)
			}
		}
	}
}
