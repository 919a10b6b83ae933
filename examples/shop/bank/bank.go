// Package bank is a payment provider on this machine, in place of Stripe: it speaks the
// part of Stripe's API that the shop uses, and transfers no money.
//
// The cents of an amount choose what goes wrong with it:
//
//	…13  the bank declines
//	…14  the first answer takes three seconds
//	…15  the money is transferred, and the first answer is a 500
//	…16  the webhook is sent twice
//	…17  the payment is processing, and only the webhook says that it has succeeded
package bank

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// stall is how long the first answer about an amount that ends in 14 cents takes.
const stall = 3 * time.Second

// intent is the stored form of a payment.
type intent struct {
	stripe.Intent
	Refund *stripe.Refund `json:"refund"`
}

// answer is the stored form of the answer to an idempotency key.
type answer struct {
	Form   string          `json:"form"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

var (
	intents = database.Table[intent]{Kind: "intent"}
	answers = database.Table[answer]{Kind: "bank_answer"}
)

// Schema creates the tables of the bank.
var Schema = []string{intents.Schema(), answers.Schema()}

// Bank is the provider.
type Bank struct {
	db          *sql.DB
	key, secret string
	report      endpoint.Endpoint[*stripe.Report, endpoint.None]
	events      chan stripe.Event
}

// New serves the API on svc for callers with the secret key. It reports what happens to
// the service payment, signed with the webhook's secret.
func New(svc *sinew.Service, db *sql.DB, key, secret string) *Bank {
	b := &Bank{
		db: db, key: key, secret: secret,
		report: stripe.Webhook.Endpoint(svc.Client("payment")),
		events: make(chan stripe.Event, 1024),
	}
	svc.Handle(stripe.CreateIntent.Pattern, b.handler(b.createIntent))
	svc.Handle(stripe.CreateRefund.Pattern, b.handler(b.createRefund))
	svc.Go(b.sendReports)
	return b
}

// Balance returns what the bank in db has transferred to the shop, less what it has
// returned.
func Balance(ctx context.Context, db *sql.DB) (cents int64, err error) {
	all, err := intents.Where(ctx, db, `true`)
	for _, i := range all {
		if i.Error == nil && i.Refund == nil {
			cents += i.Amount
		}
	}
	return cents, err
}

// operation makes the answer to a form in a transaction. What happened is sent after it.
type operation func(ctx context.Context, tx *sql.Tx, form url.Values) (a *answer, happened []stripe.Event, err error)

// handler answers the requests of callers with the key. Requests with one idempotency key
// get one answer.
func (b *Bank) handler(run operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+b.key {
			refusal(http.StatusUnauthorized, "invalid_request_error", "", "the API key is not valid").write(w)
			return
		}
		if err := r.ParseForm(); err != nil {
			refusal(http.StatusBadRequest, "invalid_request_error", "", "the form cannot be read").write(w)
			return
		}
		found, first, err := b.answer(r.Context(), r.Header.Get("Idempotency-Key"), r.PostForm, run)
		if err != nil {
			rest.WriteError(w, err)
			return
		}
		if first {
			switch cents(r.PostForm.Get("amount")) {
			case 14:
				select {
				case <-time.After(stall):
				case <-r.Context().Done():
				}
			case 15:
				found = refusal(http.StatusInternalServerError, "api_error", "", "the answer is lost")
			}
		}
		found.write(w)
	})
}

// answer returns the answer to a key, and whether it is the first one.
func (b *Bank) answer(ctx context.Context, key string, form url.Values, run operation) (a *answer, first bool, err error) {
	var happened []stripe.Event
	err = database.Within(ctx, b.db, func(tx *sql.Tx) error {
		stored, err := answers.Get(ctx, tx, key)
		switch {
		case err == nil && stored.Form != form.Encode():
			a = refusal(http.StatusBadRequest, "idempotency_error", "", "the key was used with other parameters")
			return nil
		case !errors.Is(err, fault.NotFound):
			a = stored
			return err
		}
		first = true
		if a, happened, err = run(ctx, tx, form); err != nil || key == "" || a.Status == http.StatusBadRequest {
			return err
		}
		a.Form = form.Encode()
		return answers.Insert(ctx, tx, key, a)
	})
	if err == nil {
		b.send(happened...)
	}
	return a, first, err
}

// createIntent charges an amount.
func (b *Bank) createIntent(ctx context.Context, tx *sql.Tx, form url.Values) (*answer, []stripe.Event, error) {
	amount, _ := strconv.ParseInt(form.Get("amount"), 10, 64)
	if amount < 1 || len(form.Get("currency")) != 3 {
		return refusal(http.StatusBadRequest, "invalid_request_error", "parameter_invalid", "amount must be positive, and currency of three letters"), nil, nil
	}
	made := &intent{Intent: stripe.Intent{
		ID: "pi_" + rand.Text(), Object: "payment_intent", Status: stripe.Succeeded, Amount: amount, Currency: form.Get("currency"),
		Metadata: map[string]string{"payment_id": form.Get("metadata[payment_id]"), "order_id": form.Get("metadata[order_id]")},
	}}
	answered, happened := made.Intent, []stripe.Event{event(stripe.IntentSucceeded, made)}
	switch cents(form.Get("amount")) {
	case 13:
		made.Status = stripe.RequiresPaymentMethod
		made.Error = &stripe.Error{Type: stripe.CardError, Code: "card_declined", Message: "the card was declined"}
		return refusal(http.StatusPaymentRequired, made.Error.Type, made.Error.Code, made.Error.Message),
			[]stripe.Event{event(stripe.IntentFailed, made)}, intents.Insert(ctx, tx, made.ID, made)
	case 16:
		happened = append(happened, happened...)
	case 17:
		answered.Status = "processing"
	}
	return jsonAnswer(http.StatusOK, answered), happened, intents.Insert(ctx, tx, made.ID, made)
}

// createRefund returns the amount of an intent.
func (b *Bank) createRefund(ctx context.Context, tx *sql.Tx, form url.Values) (*answer, []stripe.Event, error) {
	paid, err := intents.Get(ctx, tx, form.Get("payment_intent"))
	switch {
	case errors.Is(err, fault.NotFound), err == nil && paid.Error != nil:
		return refusal(http.StatusBadRequest, "invalid_request_error", "resource_missing", "there is no such payment"), nil, nil
	case err != nil:
		return nil, nil, err
	case paid.Refund != nil:
		return refusal(http.StatusBadRequest, "invalid_request_error", "charge_already_refunded", "the payment was refunded before"), nil, nil
	}
	paid.Refund = &stripe.Refund{ID: "re_" + rand.Text(), Object: "refund", Intent: paid.ID, Amount: paid.Amount, Status: stripe.Succeeded}
	return jsonAnswer(http.StatusOK, paid.Refund), nil, intents.Update(ctx, tx, paid.ID, paid)
}

// cents are the last two digits of an amount.
func cents(amount string) int {
	n, _ := strconv.Atoi(amount)
	return n % 100
}

func refusal(status int, kind, code, message string) *answer {
	return jsonAnswer(status, map[string]any{"error": stripe.Error{Type: kind, Code: code, Message: message}})
}

func jsonAnswer(status int, value any) *answer {
	var body bytes.Buffer
	_ = json.NewEncoder(&body).Encode(value) // these types encode
	return &answer{Status: status, Body: body.Bytes()}
}

func (a *answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}
