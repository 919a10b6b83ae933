package rest

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/http"
	"strings"
	"sync"
)

// The parts of the page of [Docs].
var (
	//go:embed docspage/page.html
	docsPage string
	//go:embed docspage/style.css
	docsStyle string
	//go:embed docspage/app.js
	docsScript string
)

// docsPolicy allows the page its own script and style and nothing else, and requests to its
// own host only.
var docsPolicy = sync.OnceValue(func() string {
	return "default-src 'none'; script-src " + sourceOf(docsScript) + "; style-src " + sourceOf(docsStyle) +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

// Docs serves a page in which every operation of an OpenAPI document can be read and tried.
// document is the URL of the document, seen from the page: "/openapi.json". The page needs
// nothing from elsewhere. Whoever it is shown to can use the service as far as the service
// allows.
func Docs(document string) http.Handler {
	page := sync.OnceValue(func() string { // few of the services that have the page are asked for it
		return strings.NewReplacer(
			"{{document}}", html.EscapeString(document), "{{style}}", docsStyle, "{{script}}", docsScript,
		).Replace(docsPage)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", docsPolicy())
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write([]byte(page())) // an error means that the caller is gone
	})
}

// sourceOf returns the source of a policy that allows this text within a page.
func sourceOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
