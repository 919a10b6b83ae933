package consul

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/registry"
)

// agent is a Consul agent in this process, for tests in virtual time. It can do what a
// real agent does only when it is broken. It is the transport of its client.
type agent struct {
	mu            sync.Mutex
	down          bool          // refuses connections
	hung          bool          // takes them and says nothing
	refuses       int           // status of every answer, 0 for none
	latency       time.Duration // the maximum for a write, which completes even if its client gives up
	index         uint64
	reportedIndex func(index uint64) uint64 // the index that it reports; nil: the true one
	changed       chan struct{}
	services      map[string]*service
	queries       []time.Time
	writes        int
	written       func(id string) // called during each write
}

type service struct {
	api.AgentServiceRegistration
	status  string
	renewed time.Time
}

func newAgent() *agent {
	return &agent{index: 10, changed: make(chan struct{}), services: map[string]*service{}}
}

// registry returns a registry of the agent.
func (a *agent) registry(t *testing.T, c Config) *Registry {
	t.Helper()
	c.Logger = slog.New(slog.DiscardHandler)
	r, err := newRegistry(c, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func (a *agent) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// change runs set; afterwards blocked queries answer.
func (a *agent) change(change func()) {
	a.set(func() {
		change()
		a.index++
		close(a.changed)
		a.changed = make(chan struct{})
	})
}

func (a *agent) forget() { a.change(func() { clear(a.services) }) }

// status returns the current status of an instance, or "" if there is none.
func (a *agent) status(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.services[id]
	if !ok {
		return ""
	}
	return s.now()
}

func (a *agent) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queries)
}

// RoundTrip implements http.RoundTripper.
func (a *agent) RoundTrip(q *http.Request) (*http.Response, error) {
	a.mu.Lock()
	down, hung, refuses := a.down, a.hung, a.refuses
	if q.Method == http.MethodGet {
		a.queries = append(a.queries, time.Now())
	} else {
		a.writes++
	}
	a.mu.Unlock()
	switch {
	case down:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case hung:
		<-q.Context().Done()
		return nil, q.Context().Err()
	case refuses != 0:
		return answer(refuses, "no", 0), nil
	case path.Clean(q.URL.Path) != q.URL.Path: // Consul's router redirects
		return answer(http.StatusMovedPermanently, "moved", 0), nil
	case strings.ContainsFunc(q.URL.Path, func(r rune) bool { return !unicode.IsPrint(r) }):
		return answer(http.StatusBadRequest, "unprintable", 0), nil
	case q.Method == http.MethodGet:
		return a.query(q)
	}
	var body []byte
	if q.Body != nil {
		var err error
		if body, err = io.ReadAll(q.Body); err != nil {
			return nil, err
		}
	}
	done := make(chan *http.Response, 1)
	go func() { done <- a.write(q.URL.Path, body) }()
	select {
	case r := <-done:
		return r, nil
	case <-q.Context().Done():
		return nil, q.Context().Err()
	}
}

func (a *agent) write(where string, body []byte) *http.Response {
	if a.latency > 0 {
		<-time.After(rand.N(a.latency))
	}
	status, id := http.StatusOK, strings.TrimPrefix(path.Base(where), "service:")
	a.change(func() {
		switch path.Dir(where) {
		case "/v1/agent/service":
			status, id = a.register(body)
		case "/v1/agent/check/update":
			status = a.renew(id, body)
		case "/v1/agent/service/deregister":
			if a.services[id] == nil {
				status = http.StatusNotFound
			}
			delete(a.services, id)
		default:
			status = http.StatusMethodNotAllowed
		}
		if a.written != nil {
			a.written(id)
		}
	})
	return answer(status, nil, 0)
}

func (a *agent) register(body []byte) (status int, id string) {
	s := &service{renewed: time.Now()}
	if err := json.Unmarshal(body, &s.AgentServiceRegistration); err != nil {
		return http.StatusBadRequest, ""
	}
	s.status = s.Check.Status
	if before, ok := a.services[s.ID]; ok {
		s.status = before.status
	}
	a.services[s.ID] = s
	return http.StatusOK, s.ID
}

func (a *agent) renew(id string, body []byte) int {
	s, ok := a.services[id]
	if !ok {
		return http.StatusNotFound
	}
	var update struct{ Status string }
	if err := json.Unmarshal(body, &update); err != nil {
		return http.StatusBadRequest
	}
	s.status, s.renewed = update.Status, time.Now()
	return http.StatusOK
}

// query answers GET /v1/health/service/NAME. It blocks as Consul does: until its index is
// above the one in the query, whatever else may have changed.
func (a *agent) query(q *http.Request) (*http.Response, error) {
	asked, _ := strconv.ParseUint(q.URL.Query().Get("index"), 10, 64)
	wait, _ := time.ParseDuration(q.URL.Query().Get("wait"))
	found, index, changed := a.read(path.Base(q.URL.Path))
	over := false
	for limit := time.After(wait + wait/32); asked > 0 && index <= asked && !over; {
		select {
		case <-changed:
		case <-limit:
			over = true
		case <-q.Context().Done():
			return nil, q.Context().Err()
		}
		found, index, changed = a.read(path.Base(q.URL.Path))
	}
	return answer(http.StatusOK, found, index), nil
}

func (a *agent) read(name string) (found []*api.ServiceEntry, index uint64, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	index = a.index
	if a.reportedIndex != nil {
		index = a.reportedIndex(index)
	}
	return a.entries(name), index, a.changed
}

func (a *agent) entries(name string) []*api.ServiceEntry {
	found := []*api.ServiceEntry{}
	for _, id := range slices.Sorted(maps.Keys(a.services)) {
		if s := a.services[id]; s.Name == name {
			found = append(found, s.entry())
		}
	}
	return found
}

func (s *service) now() string {
	ttl, _ := time.ParseDuration(s.Check.TTL)
	if time.Since(s.renewed) > ttl {
		return api.HealthCritical
	}
	return s.status
}

func (s *service) entry() *api.ServiceEntry {
	weights := api.AgentWeights{Passing: 1, Warning: 1}
	if s.Weights != nil {
		weights = *s.Weights
	}
	return &api.ServiceEntry{
		Node: &api.Node{Address: "10.0.0.9"},
		Service: &api.AgentService{
			ID: s.ID, Service: s.Name, Tags: s.Tags, Meta: s.Meta, Address: s.Address, Port: s.Port, Weights: weights,
		},
		Checks: api.HealthChecks{{CheckID: s.Check.CheckID, Status: s.now()}},
	}
}

func answer(status int, body any, index uint64) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"X-Consul-Index":       {strconv.FormatUint(index, 10)},
			"X-Consul-Lastcontact": {"0"},
			"X-Consul-Knownleader": {"true"},
		},
		Body: io.NopCloser(bytes.NewReader(text)),
	}
}

func orders(id string) registry.Instance {
	return registry.Instance{ID: id, Name: "orders", Endpoint: "http://10.0.0.1:8080", Status: registry.Healthy}
}
