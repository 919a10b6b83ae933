package wire

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/once"
)

// Identify sets the record's Subject: who sent r as subject says, or else the name in its
// verified certificate. subject may be nil. For a request with an idempotency key it
// returns a ctx with the owner of the key's answer: a digest of the request's
// credentials, unless subject names the sender.
func Identify(ctx context.Context, record *call.Record, r *http.Request, subject func(*http.Request) string) context.Context {
	if subject != nil {
		record.Subject = subject(r)
	}
	isKnown := record.Subject != ""
	if !isKnown {
		record.Subject = CertificateSubject(r)
	}
	if record.IdempotencyKey == "" {
		return ctx
	}
	if isKnown {
		return once.WithOwner(ctx, sha256.Sum256([]byte("subject")))
	}
	return once.WithOwner(ctx, credentials(r, record.Subject == ""))
}

// CertificateSubject returns the name in the verified certificate of a request, "" without
// one: its first URI, as SPIFFE uses it, or else its whole subject, or else its first
// host, mail address or IP address. The common name alone would not do: two callers may
// share it.
func CertificateSubject(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return ""
	}
	switch leaf := r.TLS.VerifiedChains[0][0]; {
	case len(leaf.URIs) > 0:
		return leaf.URIs[0].String()
	case len(leaf.Subject.Names) > 0:
		return leaf.Subject.String()
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	case len(leaf.EmailAddresses) > 0:
		return leaf.EmailAddresses[0]
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	default:
		return ""
	}
}

// credentials returns a digest of everything in a request that may say who sent it:
// cookies in any order, headers that are named like a credential, and, for a sender
// without a name, the key of a certificate that has no name or is not verified. It is all
// zero if there is nothing like that.
func credentials(r *http.Request, isNameless bool) once.Owner {
	var parts []string
	if isNameless && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		parts = append(parts, "certificate\x00"+string(r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo))
	}
	for name, values := range r.Header {
		switch {
		case name == "Cookie":
			var cookies []string
			for _, line := range values {
				for cookie := range strings.SplitSeq(line, ";") {
					cookies = append(cookies, strings.TrimSpace(cookie))
				}
			}
			slices.Sort(cookies)
			parts = append(parts, "Cookie\x00"+strings.Join(cookies, "\x00"))
		case isCredential(name):
			parts = append(parts, name+"\x00"+strings.Join(values, "\x00"))
		}
	}
	if parts == nil {
		return once.Owner{}
	}
	slices.Sort(parts)
	return sha256.Sum256([]byte(strings.Join(parts, "\n")))
}

// Parts and words of the names of headers that may say who sends a request.
var (
	credentialParts = []string{
		"auth", "token", "apikey", "secret", "session", "jwt", "credential", "password", "tenant", "account", "principal", "assertion",
		"identity", "subject", "oidc", "login", "customer", "username", "userid", "organi", "bearer", "client-id", "clientid", "company",
		"consumer", "delegat", "impersonat", "merchant", "partner", "project", "realm", "subscri", "workspace",
	}
	credentialWords = []string{
		"key", "user", "email", "cert", "clientcert", "dn", "sid", "uid", "org", "client", "app", "device", "store", "shop", "site", "team",
		"group", "groups", "role", "roles", "owner", "actor", "caller", "member", "person", "vendor", "seller", "buyer", "pin", "otp",
	}
)

func isCredential(name string) bool {
	name = strings.ToLower(name)
	if name == "idempotency-key" || name == "user-agent" || strings.HasSuffix(name, "-ip") || strings.HasSuffix(name, "-version") || strings.HasPrefix(name, "sec-") || strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return false
	}
	if name == "x-forwarded-host" || name == "x-original-host" { // tenants may differ only in this
		return true
	}
	in := func(part string) bool { return strings.Contains(name, part) }
	if slices.ContainsFunc(credentialParts, in) {
		return true
	}
	for word := range strings.SplitSeq(name, "-") {
		if slices.Contains(credentialWords, word) {
			return true
		}
	}
	return false
}
