package registrytest

import (
	"errors"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func validity() []rule {
	return []rule{
		{
			Name: "IncompleteIsRefused", Check: incompleteIsRefused,
			Sentence: "Register of an instance that lacks its id, name or endpoint is InvalidArgument",
		},
		{
			Name: "UncallableIsRefused", Check: uncallableIsRefused,
			Sentence: "Register of an instance whose endpoint nobody could or should call is InvalidArgument",
		},
		{
			Name: "AnyID", Check: anyID,
			Sentence: "an instance of any id that Register takes is seen under it, changes its status and can be deregistered; an id that it does not take is InvalidArgument",
		},
		{
			Name: "AnyName", Check: anyName,
			Sentence: "an instance of any service name that Register takes is seen under it; a name that it does not take is InvalidArgument",
		},
	}
}

func incompleteIsRefused(s *subject) {
	r := s.registry()
	for _, c := range []struct {
		what  string
		spoil func(*registry.Instance)
	}{
		{what: "id", spoil: func(i *registry.Instance) { i.ID = "" }},
		{what: "name", spoil: func(i *registry.Instance) { i.Name = "" }},
		{what: "endpoint", spoil: func(i *registry.Instance) { i.Endpoint = "" }},
		{what: "base URL", spoil: func(i *registry.Instance) { i.Endpoint = "10.0.0.1" }},
		{what: "status", spoil: func(i *registry.Instance) { i.Status = "sleepy" }},
	} {
		i := s.instance("1")
		c.spoil(&i)
		if err := r.Register(s.ctx, i); !errors.Is(err, fault.InvalidArgument) {
			s.Errorf("without %s: %v", c.what, err)
		}
	}
	s.count(r, 0)
}

func uncallableIsRefused(s *subject) {
	r := s.registry()
	for _, endpoint := range []string{
		"gopher://10.0.0.1:70", "http://root:secret@10.0.0.1", "http://169.254.169.254", "http://[fe80::1]:80",
		"http://0.0.0.0:80", "http://[::]:80", "http://10.0.0.1:99999", "http://10.0.0.1:0", "http://[2001:db8::1%25eth0]:80",
	} {
		i := s.instance("1")
		i.Endpoint = endpoint
		if err := r.Register(s.ctx, i); !errors.Is(err, fault.InvalidArgument) {
			s.Errorf("%s: %v", endpoint, err)
		}
	}
	s.count(r, 0)
}

// odd is text that is easily misread on its way.
var odd = []string{
	"/", "//1", "/../x", "/./x", "/x/", "..", "?x=1", "#x", "%2F", "%", "%zz", " ", "a b", "größe", "日本", "~2f", "\\x", `"x"`, "<x>", "a:b@c,d;e=f&g+h",
	"\n", "\x00", "\xff", "\u202e", strings.Repeat("x", 100), strings.Repeat("x", 5000),
}

func anyID(s *subject) {
	r := s.registry()
	for _, text := range odd {
		for _, id := range []string{s.service + text, text + s.service, text} {
			i := s.instance("1")
			i.ID = id
			err := r.Register(s.ctx, i)
			if errors.Is(err, fault.InvalidArgument) {
				continue
			}
			if err != nil {
				s.Errorf("Register %.64q: %v", id, err)
				continue
			}
			if got := s.count(r, 1)[0]; got.ID != id || got.Endpoint != i.Endpoint {
				s.Errorf("registered %q, and read %q", id, got.ID)
			}
			if err := r.SetStatus(s.ctx, id, registry.Unknown); err != nil {
				s.Errorf("SetStatus %q: %v", id, err)
			}
			s.until(r, "the status of "+id, func(set []registry.Instance) bool { return len(set) == 1 && set[0].Status == registry.Unknown })
			s.deregister(r, i)
			s.count(r, 0)
		}
	}
}

func anyName(s *subject) {
	r := s.registry()
	first := s.service
	for _, text := range odd {
		s.service = first + text
		i := s.instance("1")
		i.ID = first
		err := r.Register(s.ctx, i)
		if errors.Is(err, fault.InvalidArgument) {
			continue
		}
		if err != nil {
			s.Errorf("Register %.64q: %v", i.Name, err)
			continue
		}
		if got := s.count(r, 1)[0]; got.Name != i.Name {
			s.Errorf("registered %q, and read %q", i.Name, got.Name)
		}
		s.deregister(r, i)
		s.count(r, 0)
	}
}
