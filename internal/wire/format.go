package wire

import (
	"net/http"
	"strings"
)

// Format is what a request and its answer are written in.
type Format int

// The formats, by where a failure is in the answer.
const (
	Plain         Format = iota // REST and unary Connect: it is the HTTP status
	ConnectStream               // it is in the last frame, in JSON
	GRPC                        // it is in the trailer
	GRPCWeb                     // it is in the trailer, which is the last frame
)

// FormatOf returns the format of a request with this header.
func FormatOf(h http.Header) Format {
	switch kind := strings.ToLower(h.Get("Content-Type")); {
	case strings.HasPrefix(kind, "application/grpc-web"):
		return GRPCWeb
	case kind == "application/grpc", strings.HasPrefix(kind, "application/grpc+"):
		return GRPC
	case strings.HasPrefix(kind, "application/connect+"):
		return ConnectStream
	}
	return Plain
}
