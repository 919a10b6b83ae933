package sinew

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// reachTimeout bounds how long an address may take to accept a connection.
const reachTimeout = time.Second

// checkReachable returns nil if one of the base URLs accepts a connection.
func (s *Service) checkReachable(ctx context.Context, name string, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var all sync.WaitGroup
	faults := make([]error, len(urls))
	for i, url := range urls {
		all.Go(func() {
			if faults[i] = s.probe(ctx, url); faults[i] == nil {
				cancel() // one is enough
			}
		})
	}
	all.Wait()
	for _, err := range faults {
		if err == nil {
			return nil
		}
	}
	return fault.Unavailable.Errorf("nobody listens at an address of service %s in Config.Static: %w", name, errors.Join(faults...))
}

// probe returns nil if a connection to the base URL is accepted. With a Transport of the
// user's own, only that knows where the URL leads: any answer through it is enough.
func (s *Service) probe(ctx context.Context, at string) error {
	if s.config.Transport != nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodHead, at, nil)
		if err != nil {
			return err
		}
		answer, err := s.config.Transport.RoundTrip(r)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	dial := new(net.Dialer).DialContext
	if u.Scheme == "https" { // a connection without a handshake would be logged as a warning there
		dial = (&tls.Dialer{Config: s.config.TLS}).DialContext
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil {
		return err
	}
	return c.Close()
}
