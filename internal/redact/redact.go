// Package redact prints texts without the secrets in them.
package redact

import (
	"errors"
	"net/url"
	"strings"
)

// Hidden replaces a secret.
const Hidden = "[redacted]"

// URL returns text, one URL or several separated by commas, without user, password, query
// and fragment. The text need not parse: a secret with a stray character is still a
// secret. Where it is unclear what is secret, URL hides more than that.
func URL(text string) string {
	text, query := splitQuery(text)
	return User(text) + query
}

// User is like [URL], but hides only user and password.
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

// splitQuery cuts off the query or fragment, unless it may be part of a password.
func splitQuery(text string) (before, after string) {
	at := strings.IndexAny(text, "?#")
	if at < 0 || strings.Contains(text[at:], "@") {
		return text, ""
	}
	return text[:at], text[at:at+1] + Hidden
}

// Error returns err with the URL that net/url or net/http quote in it redacted.
func Error(err error) error {
	urlErr, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	if urlErr.Op == "parse" { // the cause may quote what does not parse, too
		return &url.Error{Op: "parse", URL: URL(urlErr.URL), Err: errors.New("it is no URL")}
	}
	return &url.Error{Op: urlErr.Op, URL: URL(urlErr.URL), Err: urlErr.Err}
}
