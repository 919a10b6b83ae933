package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNothingRunsWhileAnotherHasTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := of(&database{}, time.Second)
		defer l.Tables.DB.Close()
		if err := l.Lead(t.Context(), func(context.Context) { t.Error("it runs") }); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseThatIsLostEndsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		d.free.Store(true)
		l := of(d, 3*time.Second)
		defer l.Tables.DB.Close()
		err := l.Lead(t.Context(), func(ctx context.Context) {
			select {
			case <-ctx.Done():
				t.Error("the lease is lost though it is renewed")
			case <-time.After(time.Minute):
			}
			d.free.Store(false)
			<-ctx.Done()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
