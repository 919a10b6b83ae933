package origin

import (
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// mostRedirects is how many redirects of one request are followed, as net/http does.
const mostRedirects = 10

// Confine is client, but that it follows redirects within the origin that was asked
// alone, and takes any other for the answer: what a request carries is meant for nobody
// else. How many it follows, client's own CheckRedirect says, or else it is 10.
func Confine(client *http.Client) *http.Client {
	own := *client
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch {
		case !Same(r.URL, via[0].URL):
			return http.ErrUseLastResponse
		case client.CheckRedirect != nil:
			return client.CheckRedirect(r, via)
		case len(via) >= mostRedirects:
			return fault.Internal.Errorf("stopped after %d redirects", len(via))
		}
		return nil
	}
	return &own
}
