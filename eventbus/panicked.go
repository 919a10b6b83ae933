package eventbus

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// panicError is the cause of the error that stands for a panic.
type panicError struct {
	stack string // as DeadStack has it
}

func (*panicError) Error() string { return "the handler panicked" }

// panicked logs a handler's panic and returns the error that stands for it. The function
// that has recovered calls it.
func panicked(ctx context.Context, topic string, e Event, p any) error {
	loggerOf(ctx).Error("an event's handler panicked", "topic", topic, "event", e.ID, "panic", p, "stack", string(debug.Stack()))
	return fault.Internal.Errorf("%w", &panicError{stackText()})
}

// stackText is where the panic happened that is being recovered, as DeadStack has it:
// without the value of the panic, which may be a secret.
func stackText() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var text strings.Builder
	for inPanic, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			inPanic = true
			continue
		case !inPanic || strings.HasPrefix(f.Function, "runtime."):
			continue
		}
		line := fmt.Sprintf("%s %s:%d", f.Function, path.Base(f.File), f.Line)
		if text.Len()+len(line)+2 > maxStack {
			break
		}
		if text.Len() > 0 {
			text.WriteString("; ")
		}
		text.WriteString(line)
	}
	return text.String()
}
