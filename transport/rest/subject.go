package rest

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/once"
)

// identified is ctx with whose the request is: Call.Subject, and where nobody but
// the sender says who that is, the credentials that the answers to its idempotency
// keys are for.
func (h *handler) identified(ctx context.Context, call *endpoint.Call, r *http.Request) context.Context {
	if h.subject != nil {
		call.Subject = h.subject(r)
	}
	told := call.Subject != ""
	if !told {
		call.Subject = holder(r)
	}
	if call.IdempotencyKey == "" {
		return ctx
	}
	if told {
		return once.WithOwner(ctx, sha256.Sum256([]byte("subject")))
	}
	return once.WithOwner(ctx, credentials(r, call.Subject == ""))
}

// holder is whom the certificate names that a request was verified by, "" without
// one: its first URI, as SPIFFE has it, or its whole subject, or where that is
// empty its first host, mail address or IP address. Two holders may have the same
// common name.
func holder(r *http.Request) string {
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

// credentials is a digest of all in a request that may say who sent it: cookies in
// any order, what is called like a credential, and, of a nameless sender, the key of
// a certificate that names nobody, or that nobody has verified. It is all zero for
// none.
func credentials(r *http.Request, nameless bool) once.Owner {
	var parts []string
	if nameless && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
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
		case credential(name):
			parts = append(parts, name+"\x00"+strings.Join(values, "\x00"))
		}
	}
	if parts == nil {
		return once.Owner{}
	}
	slices.Sort(parts)
	return sha256.Sum256([]byte(strings.Join(parts, "\n")))
}

// What is in the name of a header that says who sends: anywhere, or as a word.
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

func credential(name string) bool {
	name = strings.ToLower(name)
	if name == "idempotency-key" || name == "user-agent" || strings.HasSuffix(name, "-ip") || strings.HasSuffix(name, "-version") || strings.HasPrefix(name, "sec-") || strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return false
	}
	if name == "x-forwarded-host" || name == "x-original-host" { // tenants may differ in nothing else
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
