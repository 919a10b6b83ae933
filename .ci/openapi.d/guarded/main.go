// Command guarded serves a service for a browser, until its standard input ends: a page of
// one origin may call it, and a page of another may not. It writes the URLs of the service and
// of both pages, one a line.
package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

type note struct {
	ID    string `path:"id" json:"-"`
	Trace string `header:"X-Request-ID" json:"-"`
	Text  string `json:"text" schema:"required" example:"milk"`
}

type written struct {
	Text     string `json:"text"`
	Location string `header:"Location" json:"-"`
	ETag     string `header:"ETag" json:"-"`
}

type loggedIn struct {
	Session *http.Cookie `cookie:"session" json:"-"`
}

type since struct {
	ID string `header:"Last-Event-ID" json:"-"`
}

type ticks struct {
	Version string                            `header:"X-Version" json:"-"`
	Values  iter.Seq2[rest.Event[int], error] `body:"text/event-stream"`
}

// check lets in whoever has the credential good.
func check(_ *http.Request, credential string, _ []string) (context.Context, error) {
	if credential != "good" && credential != "ann:good" {
		return nil, fault.Unauthenticated.Errorf("the credential is not valid")
	}
	return nil, nil
}

func empty(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil }

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	allowed, err := servePage()
	if err != nil {
		return err
	}
	other, err := servePage()
	if err != nil {
		return err
	}
	svc := newService(allowed)
	if err := svc.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n%s\n", svc.URL(), allowed, other)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return svc.Shutdown(ctx)
}

// servePage serves an empty page, and returns its origin.
func servePage() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>page</title>`)
	})
	go func() { _ = (&http.Server{Handler: page, ReadHeaderTimeout: time.Minute}).Serve(l) }() // until the program ends
	return "http://" + l.Addr().String(), nil
}

func newService(allowed string) *sinew.Service {
	svc := sinew.New("guarded", sinew.Config{
		Addr: "127.0.0.1:0", DrainDelay: -1,
		Security: &rest.Security{
			Schemes: map[string]rest.SecurityScheme{
				"token":   {Bearer: "opaque", Check: check},
				"key":     {Header: "X-Api-Key", Check: check, Description: "From the desk."},
				"part":    {Query: "key", Check: check},
				"login":   {Basic: true, Check: check},
				"session": {Cookie: "session", Check: check},
				"mesh":    {MutualTLS: true, Check: check},
				"sso":     {OpenIDConnect: "https://id.example.com/.well-known/openid-configuration", Check: check},
				"partner": {OAuth2: &rest.OAuth2{TokenURL: "https://id.example.com/token", Scopes: map[string]string{"read": "May read."}}, Check: check},
			},
			Default: []string{"token", "key"},
		},
	})
	svc.Use(middleware.CORS{Origins: []string{allowed}, Credentials: true}.Middleware(), middleware.SecureHeaders{}.Middleware())
	type none = rest.Route[endpoint.None, endpoint.None]
	none{Pattern: "GET /greeting", Public: true}.Handle(svc, empty)
	none{Pattern: "GET /session", Security: []string{"session"}}.Handle(svc, empty)
	none{Pattern: "GET /part", Security: []string{"part"}}.Handle(svc, empty)
	none{Pattern: "GET /old", Security: []string{"login"}}.Handle(svc, empty)
	none{Pattern: "GET /mesh", Security: []string{"mesh"}}.Handle(svc, empty)
	none{Pattern: "GET /shared", Security: []string{"sso", "partner"}, Scopes: []string{"read"}}.Handle(svc, empty)
	none{Pattern: "GET /limited", Public: true, Failures: []error{fault.ResourceExhausted}}.Handle(svc, empty,
		limit.Rate{PerSecond: 0.001, Burst: 1}.Middleware())
	rest.Route[endpoint.None, loggedIn]{Pattern: "POST /login", Public: true}.Handle(svc, func(context.Context, endpoint.None) (loggedIn, error) {
		return loggedIn{&http.Cookie{Value: "good", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}}, nil
	})
	rest.Route[*note, *written]{Pattern: "PUT /notes/{id}", Status: http.StatusCreated}.Handle(svc, func(_ context.Context, n *note) (*written, error) {
		return &written{n.Text + " " + n.Trace, "/notes/" + n.ID, `"v1"`}, nil
	})
	rest.Route[since, ticks]{Pattern: "GET /ticks", Security: []string{"session"}}.Handle(svc, func(context.Context, since) (ticks, error) {
		return ticks{"v1", func(yield func(rest.Event[int], error) bool) {
			_ = yield(rest.Event[int]{ID: "1", Type: "tick", Data: 1, Retry: time.Second}, nil) &&
				yield(rest.Event[int]{ID: "2", Type: "tick", Data: 2}, nil)
		}}, nil
	})
	return svc
}
