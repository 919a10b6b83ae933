package heartbeat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/heartbeat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestItIsRenewedOnceAPeriodAndNotAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewed := 0
		stop := heartbeat.Every(t.Context(), time.Minute, func(context.Context) { renewed++ })
		bubble.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		stop()
		bubble.Sleep(time.Hour)
		if renewed != 3 {
			t.Errorf("renewed %d times in three minutes", renewed)
		}
	})
}

func TestStopCancelsARunningRenewalAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		stop := heartbeat.Every(t.Context(), time.Minute, func(ctx context.Context) {
			<-ctx.Done()
			bubble.Sleep(time.Second)
			ended = true
		})
		bubble.Sleep(2 * time.Minute)
		stop()
		if !ended {
			t.Error("stop did not wait")
		}
	})
}
