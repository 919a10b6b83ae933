// Package redact shows texts without the secrets in them.
package redact

import (
	"errors"
	"net/url"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "[redacted]"

// URL is text, one URL or several with commas between them, without user,
// password, query and fragment. It need not parse: a secret with a stray
// character in it is one all the same. Where it is not clear what is secret, more
// than that is hidden.
func URL(text string) string {
	text, query := cut(text)
	return User(text) + query
}

// User is text, as that of [URL], without user and password alone.
func User(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = Hidden + rest[at:]
	}
	return scheme + rest
}

// cut takes the query or fragment off, unless it may be a part of a password.
func cut(text string) (before, after string) {
	at := strings.IndexAny(text, "?#")
	if at < 0 || strings.Contains(text[at:], "@") {
		return text, ""
	}
	return text[:at], text[at:at+1] + Hidden
}

// Error is err with the URL that net/url or net/http quote in it made discreet.
func Error(err error) error {
	quoting, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	if quoting.Op == "parse" { // what does not parse may be quoted by its cause, too
		return &url.Error{Op: "parse", URL: URL(quoting.URL), Err: errors.New("it is no URL")}
	}
	return &url.Error{Op: quoting.Op, URL: URL(quoting.URL), Err: quoting.Err}
}
