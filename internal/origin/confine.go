package origin

import (
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// mostRedirects is the limit of net/http.
const mostRedirects = 10

// Confine returns a copy of client that follows redirects within the requested origin
// only. Any other redirect is returned as the answer, because what a request carries is
// meant for no other origin. client.CheckRedirect limits the number of redirects; without
// it the limit is 10.
func Confine(client *http.Client) *http.Client {
	confined := *client
	confined.CheckRedirect = func(r *http.Request, via []*http.Request) error {
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
	return &confined
}
