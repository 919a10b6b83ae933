package fault

import "strings"

// Code is a class of failure. Its values are those of google.rpc.Code, so a Code converts
// directly to a gRPC status number. No code stands for success: the zero Code is what
// [CodeOf] returns for a nil error.
//
// A Code is an error: errors.Is(err, fault.NotFound) reports whether err is of that class.
type Code int

// The classes of failure, each with what it means between two services and with its HTTP
// status.
const (
	Canceled           Code = 1  // the caller gave up (499)
	Unknown            Code = 2  // an error of no known class (500)
	InvalidArgument    Code = 3  // the request is wrong whatever the state of the service (400)
	DeadlineExceeded   Code = 4  // the time for the call ran out (504)
	NotFound           Code = 5  // the thing asked for does not exist (404)
	AlreadyExists      Code = 6  // the thing to create exists (409)
	PermissionDenied   Code = 7  // the caller is known and may not do this (403)
	ResourceExhausted  Code = 8  // the caller's own quota is used up (429)
	FailedPrecondition Code = 9  // the state of the service forbids the call (400)
	Aborted            Code = 10 // a conflict with another call; repeat from the start (409)
	OutOfRange         Code = 11 // the request goes past the end of the data (400)
	Unimplemented      Code = 12 // the callee knows no such operation (501)
	Internal           Code = 13 // the callee has a defect or broke down (500)
	Unavailable        Code = 14 // the callee cannot answer now: down, overloaded, draining (503)
	DataLoss           Code = 15 // data is lost or corrupt (500)
	Unauthenticated    Code = 16 // the caller is not known (401)
)

var codes = [...]struct {
	name   string
	status int
}{
	Canceled:           {"canceled", 499},
	Unknown:            {"unknown", 500},
	InvalidArgument:    {"invalid_argument", 400},
	DeadlineExceeded:   {"deadline_exceeded", 504},
	NotFound:           {"not_found", 404},
	AlreadyExists:      {"already_exists", 409},
	PermissionDenied:   {"permission_denied", 403},
	ResourceExhausted:  {"resource_exhausted", 429},
	FailedPrecondition: {"failed_precondition", 400},
	Aborted:            {"aborted", 409},
	OutOfRange:         {"out_of_range", 400},
	Unimplemented:      {"unimplemented", 501},
	Internal:           {"internal", 500},
	Unavailable:        {"unavailable", 503},
	DataLoss:           {"data_loss", 500},
	Unauthenticated:    {"unauthenticated", 401},
}

// String returns the code in snake case, such as "not_found", as in problem documents,
// metric labels, errors and logs. The zero Code is "ok"; a number without a class is
// "unknown".
func (c Code) String() string {
	if c == 0 {
		return "ok"
	}
	return c.orUnknown().name()
}

// Error returns the code in snake case, like String.
func (c Code) Error() string { return c.String() }

// MarshalText writes the code in snake case, like String.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what String returns. For another name it returns [InvalidArgument].
func (c *Code) UnmarshalText(text []byte) error {
	read, ok := ParseCode(string(text))
	if !ok && string(text) != Code(0).String() {
		return InvalidArgument.Errorf("%q is no code", text)
	}
	*c = read
	return nil
}

// phrase returns the code for a reader: "not found".
func (c Code) phrase() string { return strings.ReplaceAll(c.String(), "_", " ") }

// HTTPStatus returns the status of an HTTP answer of this class, 200 for the zero Code.
func (c Code) HTTPStatus() int {
	if c == 0 {
		return 200
	}
	return codes[c.orUnknown()].status
}

// ParseCode returns the Code with this name in snake case, such as "not_found", and
// whether there is one. "ok" is no name of a class.
func ParseCode(name string) (Code, bool) {
	for c := range codes {
		if name != "" && codes[c].name == name {
			return Code(c), true
		}
	}
	return 0, false
}

// FromHTTPStatus returns the class of an HTTP status that arrived without a problem
// document, from a proxy or a service not built with sinew. It returns 0 for a status
// below 400. A 404 is [Unimplemented]: without a document nothing says that the path
// reached a handler that searched for something.
func FromHTTPStatus(status int) Code {
	switch status {
	case 401, 407:
		return Unauthenticated
	case 403:
		return PermissionDenied
	case 404, 405, 501:
		return Unimplemented
	case 408, 504:
		return DeadlineExceeded
	case 409:
		return Aborted
	case 412, 428:
		return FailedPrecondition
	case 416:
		return OutOfRange
	case 429:
		return ResourceExhausted
	case 499:
		return Canceled
	case 500:
		return Internal
	case 502, 503:
		return Unavailable
	}
	switch {
	case status < 400:
		return 0
	case status < 500:
		return InvalidArgument
	default:
		return Unknown
	}
}

func (c Code) orUnknown() Code {
	if c < 1 || int(c) >= len(codes) {
		return Unknown
	}
	return c
}

func (c Code) name() string { return codes[c].name }
