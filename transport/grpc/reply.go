package grpc

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// encodingOf returns how the messages of a request are compressed, "" for not at all.
func encodingOf(f wire.Format, h http.Header) string {
	encoding := h.Get("Grpc-Encoding")
	if f == wire.ConnectStream {
		encoding = h.Get("Connect-Content-Encoding")
	}
	if encoding == "identity" {
		return ""
	}
	return encoding
}

// reply watches for the failure in an answer, since connect does not say which requests it
// refuses.
type reply struct {
	http.ResponseWriter
	format wire.Format
	stream bool
	status int
	frames frames
	text   []byte // of an answer whose HTTP status is a failure
}

// WriteHeader implements [http.ResponseWriter].
func (r *reply) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *reply) Write(p []byte) (int, error) {
	switch {
	case r.status >= 400:
		r.text = append(r.text, p[:min(len(p), maxSpecial-len(r.text))]...)
	case r.format == wire.GRPCWeb || r.format == wire.ConnectStream:
		_ = r.frames.read(p, func(byte, int64) error { return nil })
	}
	return r.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher], for which connect asks after each message. A response
// that is no stream leaves together with its trailers instead.
func (r *reply) Flush() {
	if r.stream {
		_ = http.NewResponseController(r.ResponseWriter).Flush()
	}
}

// Unwrap lets [http.ResponseController] reach the wrapped writer.
func (r *reply) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// code returns the code of the failure that was answered, 0 for none.
func (r *reply) code() fault.Code {
	var connected struct{ Code string }
	switch {
	case r.status >= 400:
		_ = json.Unmarshal(r.text, &connected)
		if code, ok := fault.ParseCode(connected.Code); ok {
			return code
		}
		return fault.FromHTTPStatus(r.status)
	case r.format == wire.GRPC:
		return sentCode(r.Header())
	case r.format == wire.GRPCWeb:
		for line := range bytes.Lines(r.frames.special) {
			name, value, _ := strings.Cut(string(line), ":")
			if n, err := strconv.Atoi(textproto.TrimString(value)); err == nil && n > 0 && strings.EqualFold(name, "Grpc-Status") {
				return fault.Code(n)
			}
		}
		return sentCode(r.Header())
	case r.format == wire.ConnectStream:
		var end struct{ Error struct{ Code string } }
		_ = json.Unmarshal(r.frames.special, &end)
		code, _ := fault.ParseCode(end.Error.Code)
		return code
	}
	return 0
}
