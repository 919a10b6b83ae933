package wire

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// timeouts are the headers that say how much time is left for a call, one per wire.
var timeouts = [...]struct {
	header string
	parse  func(string) (time.Duration, bool)
}{
	{HeaderTimeout, parseDuration},
	{"Grpc-Timeout", parseGRPCTimeout},
	{"Connect-Timeout-Ms", parseMilliseconds},
}

// timeLeft returns the time left for a call, the shortest if several headers say it. A
// malformed header says nothing.
func timeLeft(h http.Header) (left time.Duration, ok bool) {
	for i := range timeouts {
		values := h[timeouts[i].header]
		if len(values) == 0 {
			continue
		}
		if d, well := timeouts[i].parse(values[0]); well && (!ok || d < left) {
			left, ok = d, true
		}
	}
	return left, ok
}

func parseDuration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// grpcUnits are the units of Grpc-Timeout, by the gRPC protocol over HTTP/2.
var grpcUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// parseGRPCTimeout reads at most eight digits and a unit. A timeout too long for a
// time.Duration is none.
func parseGRPCTimeout(text string) (time.Duration, bool) {
	if len(text) < 2 || len(text) > 9 {
		return 0, false
	}
	unit, known := grpcUnits[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 63)
	if !known || err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// parseMilliseconds reads at most ten digits, by the Connect protocol.
func parseMilliseconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	return time.Duration(n) * time.Millisecond, err == nil && len(text) <= 10
}
