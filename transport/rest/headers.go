package rest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
)

const (
	jsonType        = "application/json"
	contentTypeName = "Content-Type"
)

// Shared header values, which save an allocation. They must not be modified.
var (
	jsonTypes    = []string{jsonType}
	problemTypes = []string{fault.ProblemType}
)

// reservedHeaders are set by HTTP itself, and not by fields. Content-Type may be one beside
// a field that is the whole body.
var reservedHeaders = []string{
	"Host", "Connection", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding",
	"Keep-Alive", "Te", "Trailer", "Upgrade",
}

// isHeaderName reports whether name may be the name of a header.
func isHeaderName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

var errNoHeaderValue = errors.New("it has a character that no header may have")

// checkEncoding refuses a body that is still encoded.
func checkEncoding(w http.ResponseWriter, header http.Header) error {
	coding := strings.Join(header["Content-Encoding"], ", ")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	w.Header()["Accept-Encoding"] = []string{"identity"}
	return fault.InvalidArgument.Errorf("the body is encoded as %q, and is accepted only without an encoding", shorten(coding)).WithStatus(http.StatusUnsupportedMediaType)
}

// wholeSeconds returns d as the seconds of a Retry-After, rounded up.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
