package rest

import (
	"crypto/sha256"
	"net/http"
	"strconv"
)

// fingerprint identifies a request among those with its key, by everything that is bound.
func (c *contract) fingerprint(r *http.Request, body []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(strconv.Quote(r.URL.Path) + "?" + r.URL.RawQuery + "\n"))
	for i := range c.request.fields {
		f := &c.request.fields[i]
		switch f.in {
		case "header":
			for _, value := range r.Header[f.name] {
				sum.Write([]byte(f.name + ":" + value + "\n"))
			}
		case "cookie":
			for _, value := range cookieValues(r, f.name) {
				sum.Write([]byte("cookie " + f.name + ":" + value + "\n"))
			}
		}
	}
	sum.Write(body)
	return sum.Sum(nil)
}
