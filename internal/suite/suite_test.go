package suite_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/suite"
)

// features are those of a counter, the interface of these tests.
type features struct{ NoReset bool }

// subject is a counter under test.
type subject struct {
	*testing.T
	count int
}

func run(t *testing.T, f features, realTime bool, rules ...suite.Rule[features, *subject]) {
	suite.Suite[features, *subject]{
		Rules: rules, Features: f, RealTime: realTime,
		Subject: func(t *testing.T) *subject { return &subject{T: t} },
	}.Run(t)
}

func TestTheZeroFeaturesAreHeldToEveryRule(t *testing.T) {
	var checked []string
	rule := func(name string, unless func(features) bool) suite.Rule[features, *subject] {
		return suite.Rule[features, *subject]{Name: name, Unless: unless, Check: func(*subject) { checked = append(checked, name) }}
	}
	reset := rule("reset", func(f features) bool { return f.NoReset })
	run(t, features{}, true, rule("count", nil), reset)
	if got := fmt.Sprint(checked); got != "[count reset]" {
		t.Errorf("the zero Features were checked by %s, want both rules in order", got)
	}
	checked = nil
	run(t, features{NoReset: true}, true, rule("count", nil), reset)
	if got := fmt.Sprint(checked); got != "[count]" {
		t.Errorf("with NoReset it was checked by %s, want the rule count alone", got)
	}
}

func TestEachRuleHasASubjectOfItsOwn(t *testing.T) {
	increment := suite.Rule[features, *subject]{Name: "increment", Check: func(s *subject) {
		if s.count++; s.count != 1 {
			s.Errorf("the count begins at %d, want 0", s.count-1)
		}
	}}
	run(t, features{}, true, increment, increment)
}

func TestARuleRunsInVirtualTimeUnlessItIsToldNotTo(t *testing.T) {
	run(t, features{}, false, suite.Rule[features, *subject]{Name: "an hour", Check: func(s *subject) {
		start := time.Now()
		<-time.After(time.Hour)
		synctest.Wait() // panics outside of a bubble
		if waited := time.Since(start); waited != time.Hour {
			s.Errorf("an hour took %s", waited)
		}
	}})
	run(t, features{}, true, suite.Rule[features, *subject]{Name: "real", Check: func(s *subject) {
		defer func() {
			if recover() == nil {
				s.Error("with RealTime it runs in a bubble")
			}
		}()
		synctest.Wait()
	}})
}

func TestNamesDiffer(t *testing.T) {
	if a, b := suite.Name(), suite.Name(); a == b {
		t.Errorf("two names are %s", a)
	}
}

func ExampleSuite() {
	type features struct{ NoReset bool }
	type rule = suite.Rule[features, *testing.T]
	_ = func(t *testing.T) {
		suite.Suite[features, *testing.T]{
			Rules: []rule{{
				Name: "resets", Sentence: "After a reset it is zero.",
				Unless: func(f features) bool { return f.NoReset },
				Check:  func(t *testing.T) { t.Log("call Reset, and compare") },
			}},
			Subject: func(t *testing.T) *testing.T { return t },
		}.Run(t)
	}
	// Output:
}
