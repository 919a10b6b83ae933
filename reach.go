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

// reachTimeout is how long an address may take to show that somebody is there.
const reachTimeout = time.Second

// reach is nil when somebody listens at one of the base URLs.
func (s *Service) reach(ctx context.Context, name string, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var all sync.WaitGroup
	faults := make([]error, len(urls))
	for i, at := range urls {
		all.Go(func() {
			if faults[i] = s.listens(ctx, at); faults[i] == nil {
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

// listens is nil when a connection to a base URL is taken. A transport of the
// user's own knows by itself where that leads: any answer through it will do.
func (s *Service) listens(ctx context.Context, at string) error {
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
	if u.Scheme == "https" { // a connection without a handshake is a warning in the log over there
		dial = (&tls.Dialer{Config: s.config.TLS}).DialContext
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil {
		return err
	}
	return c.Close()
}
