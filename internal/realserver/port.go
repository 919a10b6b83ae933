package realserver

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports come from below the range that systems use for outgoing connections. Otherwise
// such a connection could occupy the port of a server while that is down.
const (
	lowestPort  = 12000
	highestPort = 32000
	portTries   = 200
)

// freePorts finds n ports of 127.0.0.1 that are free for TCP and UDP.
func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var ports []string
	taken := map[int]bool{}
	for range portTries {
		port := lowestPort + rand.N(highestPort-lowestPort)
		if taken[port] || !isFree(port) {
			continue
		}
		taken[port] = true
		if ports = append(ports, strconv.Itoa(port)); len(ports) == n {
			return ports
		}
	}
	t.Fatalf("no %d free ports between %d and %d on 127.0.0.1", n, lowestPort, highestPort)
	return nil
}

func isFree(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	defer udp.Close()
	return true
}
