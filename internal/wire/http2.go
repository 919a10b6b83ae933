package wire

import (
	"net/http"
	"time"
)

// SpeakHTTP2 makes t speak HTTP/2 only, with and without TLS.
func SpeakHTTP2(t *http.Transport) *http.Transport {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// Pings are the settings by which a transport finds a dead connection, which carries all
// calls to an instance.
func Pings() *http.HTTP2Config {
	return &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second}
}
