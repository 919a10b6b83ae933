package service_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/internal/service"
)

func TestTheDrainDelayOfAServiceThatOnlyItsCallersKnowEndsWithTheirCalls(t *testing.T) {
	for _, tt := range []struct {
		name      string
		untilIdle bool
		calls     int // one before, the others at every 50 ms
		want      time.Duration
	}{
		{"others may know it, and nobody calls", false, 0, time.Second},
		{"nobody has ever called", true, 0, 0},
		{"one has called", true, 1, 100 * time.Millisecond},
		{"one calls for a while", true, 6, 400 * time.Millisecond},
		{"one does not stop to call", true, 1000, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := service.DrainDelay{Delay: time.Second, UntilIdle: tt.untilIdle}
				begun, over := time.Now(), make(chan struct{})
				if tt.calls > 0 {
					d.Called()
				}
				go func() {
					defer close(over)
					for range tt.calls - 1 {
						bubble.Sleep(50 * time.Millisecond)
						d.Called()
					}
				}()
				d.Wait(t.Context())
				if took := time.Since(begun); took != tt.want {
					t.Errorf("it waited %s, want %s", took, tt.want)
				}
				<-over
			})
		})
	}
}

func TestTheDrainDelayEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, untilIdle := range []bool{true, false} {
			d := service.DrainDelay{Delay: time.Hour, UntilIdle: untilIdle}
			d.Called()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			begun := time.Now()
			d.Wait(ctx)
			if took := time.Since(begun); took != 10*time.Millisecond {
				t.Errorf("until idle %v: it waited %s, want 10ms", untilIdle, took)
			}
		}
	})
}
