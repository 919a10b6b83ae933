package sagatest

import (
	"errors"
	"testing"
	"time"

	"github.com/sinew-go/sinew/saga"
)

// storeSubject is a store of a rule.
type storeSubject struct {
	*testing.T
	saga.Store
	open func() saga.Store
}

const (
	long  = time.Minute
	short = 50 * time.Millisecond
	name  = "checkout"
)

// versions are those that a worker knows.
var versions = []int{1}

func (s *storeSubject) insert(id string) {
	s.Helper()
	existing, err := s.Insert(s.Context(), saga.Record{Saga: name, ID: id, Version: 1, Phase: saga.Running, Data: []byte("data")}, []saga.Entry{{What: "started"}})
	if err != nil || existing != nil {
		s.Fatalf("run %q was not stored: %+v, %v", id, existing, err)
	}
}

func (s *storeSubject) claim(lease time.Duration, limit int) []saga.Claim {
	s.Helper()
	claims, err := s.Claim(s.Context(), name, versions, lease, limit)
	if err != nil {
		s.Fatal(err)
	}
	return claims
}

func (s *storeSubject) save(c saga.Claim, u saga.Update) {
	s.Helper()
	if err := s.Save(s.Context(), c, u); err != nil {
		s.Fatal(err)
	}
}

func (s *storeSubject) send(id, message string) {
	s.Helper()
	if exists, err := s.Send(s.Context(), name, id, []byte(message)); err != nil || !exists {
		s.Fatalf("message %s was not sent: %v", message, err)
	}
}

func (s *storeSubject) wantLost(err error) {
	s.Helper()
	if !errors.Is(err, saga.ErrClaimLost) {
		s.Errorf("the error is %v, want ErrClaimLost", err)
	}
}

func (s *storeSubject) eventually(what string, claim func() []saga.Claim) []saga.Claim {
	s.Helper()
	for end := time.Now().Add(patient); ; <-time.After(5 * time.Millisecond) {
		if got := claim(); len(got) > 0 {
			return got
		}
		if time.Now().After(end) {
			s.Fatalf("waited in vain until %s", what)
		}
	}
}
