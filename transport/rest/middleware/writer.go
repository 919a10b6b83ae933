package middleware

import (
	"bufio"
	"net"
	"net/http"
)

// wrapper is a writer around another one. It flushes and hijacks for handlers that assert
// http.Flusher or http.Hijacker.
type wrapper struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach the wrapped writer.
func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError implements flushing for [http.ResponseController].
func (w wrapper) FlushError() error { return http.NewResponseController(w.ResponseWriter).Flush() }

// Flush implements http.Flusher.
func (w wrapper) Flush() { _ = w.FlushError() }

// Hijack implements [http.Hijacker].
func (w wrapper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// mustBeValid panics if a policy is invalid.
func mustBeValid(name string, policy interface{ Validate() error }) {
	if err := policy.Validate(); err != nil {
		panic("middleware." + name + ": " + err.Error())
	}
}
