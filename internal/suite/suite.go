// Package suite runs the rules of an interface against one implementation of it. The
// packages with which authors test their implementations are made of it: registrytest,
// eventbustest, configtest and breakertest.
//
// In all of them the zero Features is held to every rule. A field of it says what an
// implementation cannot do, or how large or slow it is.
package suite

import (
	"crypto/rand"
	"strings"
	"testing"
	"testing/synctest"
)

// Suite is the rules of an interface, with an implementation. F is its Features, S is
// what a rule checks: an instance of the implementation, and the test.
type Suite[F, S any] struct {
	Rules    []Rule[F, S]
	Features F
	// RealTime runs the rules outside of testing/synctest bubbles, for an implementation
	// that has goroutines or connections which are not of the test.
	RealTime bool
	// Subject makes what one rule checks.
	Subject func(t *testing.T) S
}

// Rule is one guarantee of every implementation.
type Rule[F, S any] struct {
	Name string
	// Sentence states the guarantee. The subtest logs it.
	Sentence string
	// Unless reports whether an implementation with these Features is not held to the
	// rule. Nil is never.
	Unless func(F) bool
	// Check fails its test if the subject breaks the rule.
	Check func(S)
}

// Run runs each rule as a subtest with a subject of its own.
func (s Suite[F, S]) Run(t *testing.T) {
	t.Helper()
	for _, r := range s.Rules {
		t.Run(r.Name, func(t *testing.T) {
			t.Log("the rule: " + r.Sentence)
			if r.Unless != nil && r.Unless(s.Features) {
				t.Skip("its Features say that it is not held to this rule")
			}
			check := func(t *testing.T) { r.Check(s.Subject(t)) }
			if s.RealTime {
				check(t)
			} else {
				synctest.Test(t, check)
			}
		})
	}
}

// Name returns a name that no other subject uses, so that all can share one server.
func Name() string { return "suite-" + strings.ToLower(rand.Text()[:10]) }
