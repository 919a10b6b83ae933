package consul

import (
	"encoding/hex"
	"path"
	"strings"
	"unicode"

	"github.com/sinew-go/sinew/fault"
)

// serviceID encodes the ID of an instance for Consul. Consul's client puts it unchanged
// into the path of a URL, where an extra slash, a dot or an unprintable character would
// result in another path. Such bytes are written as ~ and two hexadecimal digits; most
// IDs have none.
func serviceID(id string) string {
	dots := strings.Trim(id, ".") == ""
	if !dots && !strings.ContainsFunc(id, unsafeInID) {
		return id
	}
	var b strings.Builder
	for _, c := range []byte(id) {
		if unsafeInID(rune(c)) || dots {
			b.WriteByte('~')
			b.WriteString(hex.EncodeToString([]byte{c}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unsafeInID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:@+=,", r)
}

// instanceID reverses serviceID. It returns an ID unchanged that serviceID did not
// encode.
func instanceID(id string) string {
	if !strings.Contains(id, "~") {
		return id
	}
	var b strings.Builder
	for rest := id; rest != ""; {
		if rest[0] != '~' {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		if len(rest) < 3 {
			return id
		}
		c, err := hex.DecodeString(rest[1:3])
		if err != nil {
			return id
		}
		b.WriteByte(c[0])
		rest = rest[3:]
	}
	return b.String()
}

// checkName reports a service name that Consul could not find. The name is part of a
// path. It is not encoded, because clients in other languages use it, too.
func checkName(name string) error {
	if name != "" && path.Clean("/"+name) == "/"+name && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil
	}
	return fault.InvalidArgument.Errorf("service name %.300q: Consul finds none with an empty or dotted part between slashes, or with a character that cannot be printed", name)
}
