package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Webhook is how Stripe reports an event. It is sent until it is answered with a 2xx, and
// sometimes again after that.
var Webhook = rest.Route[*Report, endpoint.None]{Pattern: "POST /webhooks/stripe"}

// Report is the request of Webhook.
type Report struct {
	Signature string `header:"Stripe-Signature" json:"-"`
	Body      []byte `body:"application/json"`
}

// Event is something that happened to a payment.
type Event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data struct {
		Intent Intent `json:"object"`
	} `json:"data"`
}

// The types of events about an Intent.
const (
	IntentSucceeded = "payment_intent.succeeded"
	IntentFailed    = "payment_intent.payment_failed"
)

// tolerance is how old a Report may be. An older one may be a recording.
const tolerance = 5 * time.Minute

// Sign returns a Report of the body that was signed at a time.
func Sign(secret string, body []byte, at time.Time) *Report {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return &Report{Signature: "t=" + stamp + ",v1=" + hex.EncodeToString(signature(secret, stamp, body)), Body: body}
}

func signature(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Read returns the event of a Report that was signed with the secret, and otherwise
// fault.Unauthenticated. The Type of an event that is not about an Intent says so.
func (r *Report) Read(secret string, now time.Time) (e Event, err error) {
	var stamp string
	var given [][]byte // several while a secret is replaced
	for part := range strings.SplitSeq(r.Signature, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			stamp = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				given = append(given, mac)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return e, fault.Unauthenticated.Errorf("Stripe-Signature has no time of the last five minutes")
	}
	want, genuine := signature(secret, stamp, r.Body), false
	for _, mac := range given {
		genuine = genuine || hmac.Equal(mac, want)
	}
	if !genuine {
		return e, fault.Unauthenticated.Errorf("Stripe-Signature is not that of the webhook's secret")
	}
	if err := json.Unmarshal(r.Body, &e); err != nil {
		return e, fault.InvalidArgument.Errorf("the event is not JSON: %w", err)
	}
	return e, nil
}
