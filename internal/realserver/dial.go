package realserver

import (
	"net"
	"time"
)

// checkTimeout limits one check of whether a server answers.
const checkTimeout = time.Second

// dial connects to a server for a check.
func dial(address string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address, checkTimeout)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(checkTimeout)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
