package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
)

func TestEveryCodeHasGRPCNumberNameAndStatus(t *testing.T) {
	want := []struct {
		code   fault.Code
		number int
		name   string
		status int
	}{
		{fault.Canceled, 1, "canceled", 499}, {fault.Unknown, 2, "unknown", 500},
		{fault.InvalidArgument, 3, "invalid_argument", 400}, {fault.DeadlineExceeded, 4, "deadline_exceeded", 504},
		{fault.NotFound, 5, "not_found", 404}, {fault.AlreadyExists, 6, "already_exists", 409},
		{fault.PermissionDenied, 7, "permission_denied", 403}, {fault.ResourceExhausted, 8, "resource_exhausted", 429},
		{fault.FailedPrecondition, 9, "failed_precondition", 400}, {fault.Aborted, 10, "aborted", 409},
		{fault.OutOfRange, 11, "out_of_range", 400}, {fault.Unimplemented, 12, "unimplemented", 501},
		{fault.Internal, 13, "internal", 500}, {fault.Unavailable, 14, "unavailable", 503},
		{fault.DataLoss, 15, "data_loss", 500}, {fault.Unauthenticated, 16, "unauthenticated", 401},
	}
	for _, w := range want {
		if int(w.code) != w.number || w.code.String() != w.name || w.code.HTTPStatus() != w.status {
			t.Errorf("%v: number %d, status %d, want %d %q %d", w.code, w.code, w.code.HTTPStatus(), w.number, w.name, w.status)
		}
		if parsed, ok := fault.ParseCode(w.name); !ok || parsed != w.code {
			t.Errorf("ParseCode(%q) = %v, %v", w.name, parsed, ok)
		}
	}
	if _, ok := fault.ParseCode(""); ok {
		t.Error("the empty name is a code")
	}
	if got := fault.Code(99).String(); got != "unknown" {
		t.Errorf("Code(99) reads %q", got)
	}
}

func TestCodeIsFoundThroughAnyNumberOfWraps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := fault.Code(rapid.IntRange(1, 16).Draw(t, "code"))
		var err error = code.Errorf("message")
		for range rapid.IntRange(0, 6).Draw(t, "wraps") {
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				err = fmt.Errorf("more: %w", err)
			case 1:
				err = errors.Join(errors.New("beside"), err)
			default:
				err = fault.ProblemOf(err).Err()
			}
		}
		if !errors.Is(err, code) || fault.CodeOf(err) != code {
			t.Fatalf("%v is not %v (CodeOf %v)", err, code, fault.CodeOf(err))
		}
		other := fault.Code(int(code)%16 + 1)
		if errors.Is(err, other) {
			t.Fatalf("%v is %v too", err, other)
		}
	})
}

func TestCodeOfReadsContextAndNetworkErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Code
	}{
		{nil, 0},
		{errors.New("anything"), fault.Unknown},
		{fmt.Errorf("x: %w", context.Canceled), fault.Canceled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), fault.DeadlineExceeded},
		{os.ErrDeadlineExceeded, fault.DeadlineExceeded},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, fault.Unavailable},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), fault.Unavailable},
		{fault.NotFound, fault.NotFound},
		{fmt.Errorf("bare: %w", fault.Aborted), fault.Aborted},
	} {
		if got := fault.CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if !fault.IsUnprocessed(fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})) {
		t.Error("a refused connection ran no handler")
	}
	if fault.IsUnprocessed(&net.OpError{Op: "read", Err: syscall.ECONNRESET}) {
		t.Error("a reset while reading may have run one")
	}
}

func TestCausesStayInTheLog(t *testing.T) {
	secret := errors.New("password=hunter2")
	for _, err := range []error{
		fault.Internal.Errorf("load user: %w", secret),
		fault.Internal.Errorf("%w", secret),
		fault.Internal.Errorf("%w: load user", secret),
		fault.Internal.Errorf("two: %w and %w", secret, errors.New("beside")),
		fault.Internal.Errorf("load user").WithCause(secret),
		fmt.Errorf("handler: %w", secret),
	} {
		wire, _ := json.Marshal(fault.ProblemOf(err))
		if strings.Contains(string(wire), "hunter2") {
			t.Errorf("%s leaves the process", wire)
		}
		if !strings.Contains(err.Error(), "hunter2") || !errors.Is(err, secret) {
			t.Errorf("%v lost its cause", err)
		}
	}
}

func TestMessageLeavesOutWrappedErrors(t *testing.T) {
	text := rapid.StringMatching(`[ab:% ]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		shown, cause := text.Draw(t, "shown"), errors.New(text.Draw(t, "cause"))
		for _, tt := range []struct {
			format string
			args   []any
			want   string
		}{
			{"%s: %w", []any{shown, cause}, shown},
			{"%w: %s", []any{cause, shown}, shown},
			{"%w", []any{cause}, ""},
			{"(%+w) %s", []any{cause, shown}, "() " + shown},
			{"%[2]s%[1]w", []any{cause, shown}, shown},
			{"%s%%w: %w: %w", []any{shown, cause, io.EOF}, shown + "%w"},
			{"%*d %T: %w", []any{3, 7, cause, cause}, "  7 *errors.errorString"},
			{"%v, as %s (%.2w)", []any{cause, shown, cause}, cause.Error() + ", as " + shown + " ()"},
			{"%[1]w %[1]s", []any{cause}, " "},
		} {
			err := fault.Internal.Errorf(tt.format, tt.args...)
			if err.Message != tt.want || !errors.Is(err, cause) {
				t.Fatalf("%q of %q says %q, want %q; cause %v", tt.format, tt.args, err.Message, tt.want, err.Unwrap())
			}
		}
	})
}

func TestACauseThatIsNoErrorIsLeftOut(t *testing.T) {
	for _, operand := range [][]any{{nil}, {"password=hunter2"}} {
		if err := fault.Internal.Errorf("load user: %w", operand...); err.Message != "load user" || err.Unwrap() != nil {
			t.Errorf("%v gave %q, cause %v", operand, err.Message, err.Unwrap())
		}
	}
}

func TestProblemCarriesTheWholeErrorOverTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := fault.Code(rapid.IntRange(1, 16).Draw(t, "code")).Errorf("%s", rapid.StringN(1, 40, -1).Draw(t, "message"))
		sent.Reason = rapid.String().Draw(t, "reason")
		sent.Unprocessed = rapid.Bool().Draw(t, "unprocessed")
		sent.RetryAfter = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "after"))
		if rapid.Bool().Draw(t, "detailed") {
			sent.WithDetail("k", "v")
		}
		wire, err := json.Marshal(fault.ProblemOf(sent))
		if err != nil {
			t.Fatal(err)
		}
		var p fault.Problem
		if err := json.Unmarshal(wire, &p); err != nil {
			t.Fatal(err)
		}
		if got := p.Err(); !reflect.DeepEqual(got, sent) {
			t.Fatalf("sent %#v, got %#v", sent, got)
		}
	})
}

func TestStatusOverridesTheCodesOwn(t *testing.T) {
	p := fault.ProblemOf(fault.InvalidArgument.Errorf("too large").WithStatus(413))
	if p.Status != 413 || p.Title != "Request Entity Too Large" || p.Err().Status != 413 || p.Err().Code != fault.InvalidArgument {
		t.Errorf("%+v, back %+v", p, p.Err())
	}
}

func TestForeignAnswersAreClassedByStatus(t *testing.T) {
	for status, want := range map[int]fault.Code{
		200: 0, 304: 0, 400: fault.InvalidArgument, 401: fault.Unauthenticated, 403: fault.PermissionDenied,
		404: fault.Unimplemented, 405: fault.Unimplemented, 408: fault.DeadlineExceeded, 409: fault.Aborted, 412: fault.FailedPrecondition,
		418: fault.InvalidArgument, 429: fault.ResourceExhausted, 499: fault.Canceled, 500: fault.Internal, 501: fault.Unimplemented,
		502: fault.Unavailable, 503: fault.Unavailable, 504: fault.DeadlineExceeded, 599: fault.Unknown,
	} {
		if got := fault.FromHTTPStatus(status); got != want {
			t.Errorf("FromHTTPStatus(%d) = %v, want %v", status, got, want)
		}
	}
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"code":"not_found","status":404,"retry_after":"1s"}`))
	f.Add([]byte(`{"code":"nonsense","status":-4,"retry_after":"-9h"}`))
	f.Add([]byte(`{"status":400,"errors":[{"pointer":"#/a~1b","detail":"x"},{"parameter":"n","in":7},null]}`))
	f.Add([]byte(`{"status":503,"details":null,"retry_after":"2562047h47m16.854775807s"}`))
	f.Fuzz(func(t *testing.T, wire []byte) {
		var p fault.Problem
		if json.Unmarshal(wire, &p) != nil {
			return
		}
		e := p.Err()
		if e.Code < fault.Canceled || e.Code > fault.Unauthenticated || e.RetryAfter < 0 || e.RetryAfter+time.Hour < e.RetryAfter || e.Code.HTTPStatus() < 400 {
			t.Fatalf("%s became %#v", wire, e)
		}
		for _, v := range e.Violations {
			if len(v.Error()) > 4<<10 || len(e.Violations) > 20 {
				t.Fatalf("%s became %d violations, one of %d bytes", wire, len(e.Violations), len(v.Error()))
			}
		}
	})
}

func TestAnErrorInheritsRepeatedFromItsCause(t *testing.T) {
	repeated, other := fault.Unavailable.Errorf("down").WithRepeated(), errors.New("other")
	for name, err := range map[string]*fault.Error{
		"cause":      fault.Internal.Errorf("stock: %w", repeated),
		"two causes": fault.Internal.Errorf("%w and %w", other, repeated),
		"wrapped":    fault.Internal.Errorf("stock: %w", fmt.Errorf("far: %w", repeated)),
		"with cause": fault.Internal.Errorf("stock").WithCause(repeated),
	} {
		if !fault.IsRepeated(err) || !fault.ProblemOf(err).Repeated {
			t.Errorf("%s: the mark is lost", name)
		}
	}
	if fault.IsRepeated(fault.Internal.Errorf("%w and %w", other, fault.Unavailable)) {
		t.Error("marked out of nothing")
	}
}

func TestMarkRepeatedMarksACopyAndLosesNothing(t *testing.T) {
	original := fault.Unavailable.Errorf("busy").WithReason("overload").WithRetryAfter(time.Second)
	for name, err := range map[string]error{
		"fault":   original,
		"wrapped": fmt.Errorf("orders: %w", original),
		"foreign": io.ErrUnexpectedEOF,
	} {
		marked := fault.MarkRepeated(err)
		if !fault.IsRepeated(marked) || fault.IsRepeated(err) {
			t.Errorf("%s: marked %v, original %v", name, fault.IsRepeated(marked), fault.IsRepeated(err))
		}
		if fault.CodeOf(marked) != fault.CodeOf(err) || fault.RetryAfter(marked) != fault.RetryAfter(err) {
			t.Errorf("%s became %v", name, marked)
		}
		if name != "fault" && !errors.Is(marked, err) {
			t.Errorf("%s: the error itself is lost", name)
		}
		if back := fault.ProblemOf(marked).Err(); !back.Repeated {
			t.Errorf("%s: the mark is lost on the wire", name)
		}
	}
}

func TestACodeReadsTheSameWhereverItIsPrinted(t *testing.T) {
	for code := fault.Canceled; code <= fault.Unauthenticated; code++ {
		want := code.String()
		var text, doc bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "code", code)
		slog.New(slog.NewJSONHandler(&doc, nil)).Info("x", "code", code)
		inside, err := json.Marshal(map[string]any{"code": code})
		for where, got := range map[string]string{
			"%v": fmt.Sprintf("%v", code), "%s": fmt.Sprintf("%s", code), "Error": code.Error(),
			"text log": text.String(), "JSON log": doc.String(), "JSON": string(inside), "an Error": code.Errorf("no").Error(), "an Error without a message": (&fault.Error{Code: code}).Error(),
			"a wrapped one": fmt.Errorf("x: %w", code).Error(), "a cause": fault.Internal.Errorf("x: %w", code).Error(),
		} {
			if !strings.Contains(got, want) || strings.Contains(want, "_") && strings.Contains(got, strings.ReplaceAll(want, "_", " ")) {
				t.Errorf("%s: %s, want %s (%v)", where, got, want, err)
			}
		}
		var read fault.Code
		if err := json.Unmarshal([]byte(`"`+want+`"`), &read); err != nil || read != code {
			t.Errorf("%s is read as %d, %v", want, read, err)
		}
		if fmt.Sprintf("%d", code) != fmt.Sprint(int(code)) {
			t.Errorf("%s is no number any more", code)
		}
	}
	var code fault.Code
	for _, text := range []string{`"no such code"`, `5`} {
		if err := json.Unmarshal([]byte(text), &code); err == nil {
			t.Errorf("%s is read as %d", text, code)
		}
	}
	if zero, err := json.Marshal(code); err != nil || string(zero) != `"ok"` || json.Unmarshal(zero, &code) != nil {
		t.Errorf("no failure is %s, %v", zero, err)
	}
}
