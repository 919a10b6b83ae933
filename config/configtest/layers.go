package configtest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/internal/suite"
)

// LayerFeatures say what the layer under test cannot do, and how it is tested. The zero
// LayerFeatures is held to every rule.
type LayerFeatures struct {
	// RealTime says that the layer's source does not live in this process alone, so that
	// the suite cannot run in the virtual time of testing/synctest.
	RealTime bool
	// NoWatch says that the layer does not notice changes.
	NoWatch bool
	// MaxDelay is how long a change may take to be noticed, and a call to end after its
	// context has. The default is 10 s.
	MaxDelay time.Duration
}

// RunLayer runs the rules of every layer. In each subtest it calls open once; open returns
// a layer that Read can read, and a function that changes a setting in its source. With
// NoWatch that may be nil.
func RunLayer(t *testing.T, f LayerFeatures, open func(t *testing.T) (l config.Layer, change func())) {
	t.Helper()
	if f.MaxDelay == 0 {
		f.MaxDelay = 10 * time.Second
	}
	suite.Suite[LayerFeatures, *layerSubject]{
		Rules: layerRules(), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *layerSubject {
			layer, change := open(t)
			return &layerSubject{T: t, LayerFeatures: f, layer: layer, change: change}
		},
	}.Run(t)
}

func layerRules() []suite.Rule[LayerFeatures, *layerSubject] {
	return []suite.Rule[LayerFeatures, *layerSubject]{
		{
			Name: "OriginsAreNamed", Check: originsAreNamed,
			Sentence: "there are settings, and each entry names its origin for errors",
		},
		{
			Name: "ReadingChangesNothing", Check: readingChangesNothing,
			Sentence: "what is read again without a change in between is the same",
		},
		{
			Name: "EndedContextEndsRead", Check: endedContextEndsRead,
			Sentence: "Read returns when its context has ended",
		},
		{
			Name: "EndedContextEndsWatch", Check: endedContextEndsWatch,
			Sentence: "Watch returns when its context ends, before and after something has changed",
		},
		{
			Name: "ChangesAreNoticed", Check: changesAreNoticed,
			Sentence: "after each change Watch calls changed, and Read returns the new settings then",
			Unless:   func(f LayerFeatures) bool { return f.NoWatch },
		},
	}
}

// layerSubject is the layer under test.
type layerSubject struct {
	*testing.T
	LayerFeatures
	layer  config.Layer
	change func()
}

func (s *layerSubject) read() []config.Entry {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), s.MaxDelay)
	defer cancel()
	entries, err := s.layer.Read(ctx)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	return entries
}

// watch starts Watch. changes gets a value after each change, and done is closed when
// Watch has returned.
func (s *layerSubject) watch() (changes <-chan struct{}, stop func(), done <-chan struct{}) {
	ctx, cancel := context.WithCancel(s.Context())
	noticed, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.layer.Watch(ctx, func(err error) {
			if err != nil {
				s.Logf("Watch reports: %v", err)
				return
			}
			select {
			case noticed <- struct{}{}:
			default: // one is waiting to be seen
			}
		})
	}()
	s.Cleanup(func() { cancel(); <-ended })
	return noticed, cancel, ended
}

// within fails the test if c gives nothing within MaxDelay.
func (s *layerSubject) within(c <-chan struct{}, wanted string) {
	s.Helper()
	select {
	case <-c:
	case <-time.After(s.MaxDelay):
		s.Fatalf("not within %s: %s", s.MaxDelay, wanted)
	}
}

func originsAreNamed(s *layerSubject) {
	entries := s.read()
	if len(entries) == 0 {
		s.Error("Read returns no entries, want at least one")
	}
	for i, e := range entries {
		if e.Origin == "" {
			s.Errorf("entry %d has no Origin, want one that an error can name", i)
		}
	}
}

func readingChangesNothing(s *layerSubject) {
	first, second := s.read(), s.read()
	if len(first) != len(second) {
		s.Fatalf("the second read returns %d entries, want %d as the first", len(second), len(first))
	}
	for _, e := range first {
		found := false
		for _, other := range second {
			found = found || reflect.DeepEqual(e, other)
		}
		if !found { // the order of a map is another each time
			s.Errorf("the entry of %s is missing from the second read, or another one", e.Origin)
		}
	}
}

func endedContextEndsRead(s *layerSubject) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.layer.Read(ctx)
	}()
	s.within(done, "Read returns though its context has ended")
}

func endedContextEndsWatch(s *layerSubject) {
	s.read()
	_, stop, done := s.watch()
	stop()
	s.within(done, "Watch returns after its context has ended")
	if s.change == nil {
		return
	}
	_, stop, done = s.watch()
	s.change()
	stop()
	s.within(done, "Watch returns after a change and the end of its context")
}

func changesAreNoticed(s *layerSubject) {
	before := s.read()
	changes, _, _ := s.watch()
	for range 2 {
		s.change()
		for {
			s.within(changes, "Watch calls changed, and Read returns other settings")
			if now := s.read(); !reflect.DeepEqual(now, before) {
				before = now
				break
			}
		}
	}
}
