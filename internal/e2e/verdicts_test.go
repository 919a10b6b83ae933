package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

// results has a result for each verdict.
var results = []struct {
	verdict fault.Verdict
	example string
	err     error
	caller  func(context.Context, time.Duration) (context.Context, context.CancelFunc) // how long it waits; nil: for any time
}{
	{verdict: fault.OK, example: "an answer"},
	{verdict: fault.Failed, example: "500; 503 without Retry-After", err: fault.Internal.Errorf("broken")},
	{verdict: fault.TimedOut, example: "504; a time limit of a policy", err: fault.DeadlineExceeded.Errorf("slow")},
	{verdict: fault.Unreached, example: "connection refused", err: fault.Unavailable.Errorf("connection refused").WithUnprocessed()},
	{verdict: fault.Relayed, example: "a 5xx that names another service", err: fault.Problem{Code: "internal", Status: 500, Service: "stock"}.Err()},
	{verdict: fault.Overloaded, example: "`overloaded`; a foreign 503 with Retry-After", err: fault.Unavailable.Errorf("full").WithReason(fault.ReasonOverloaded).WithRetryAfter(time.Millisecond).WithUnprocessed()},
	{verdict: fault.Refused, example: "4xx", err: fault.NotFound.Errorf("no such thing")},
	{verdict: fault.Expired, example: "the caller's deadline ran out", err: context.DeadlineExceeded, caller: context.WithTimeout},
	{verdict: fault.Abandoned, example: "the caller cancelled", err: context.Canceled, caller: cancelAfter},
}

func cancelAfter(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(d, cancel)
	return ctx, cancel
}

// quick is how long a call of the table takes that is as fast as the successes before, slow how long one that is not.
const quick, slow = 10 * time.Millisecond, time.Second

// attempt plays a call that ends as row i says, after this time.
func attempt(i int, took time.Duration) endpoint.Func {
	return func(ctx context.Context, _ any) (any, error) {
		<-time.After(took)
		return "answer", results[i].err
	}
}

// asked makes a call in a context of row i.
func asked(t *testing.T, i int, took time.Duration, next endpoint.Func) error {
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if results[i].caller != nil {
		ctx, cancel = results[i].caller(ctx, took-time.Millisecond)
	}
	defer cancel()
	_, err := next(ctx, nil)
	return err
}

func succeed(context.Context, any) (any, error) {
	<-time.After(quick)
	return "answer", nil
}

// columns are what each policy does with the result of row i, of calls that take so long.
var columns = []struct {
	name string
	does func(t *testing.T, i int, took time.Duration) string
}{
	{"breaker, closed", func(t *testing.T, i int, took time.Duration) string {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 5})
		for range 5 {
			_ = asked(t, i, took, c.Middleware()(succeed))
		}
		before := c.Snapshot().Statistics
		_ = asked(t, i, took, c.Middleware()(attempt(i, took)))
		switch after := c.Snapshot().Statistics; {
		case after.FailedRequests > before.FailedRequests:
			return "failure"
		case after.SuccessfulRequests > before.SuccessfulRequests:
			return "success"
		}
		return "nothing"
	}},
	{"breaker, probe", func(t *testing.T, i int, took time.Duration) string {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, Timeout: 10 * time.Second})
		_ = asked(t, 0, quick, c.Middleware()(succeed))
		_ = asked(t, 1, quick, c.Middleware()(attempt(1, quick)))
		<-time.After(10 * time.Second)
		_ = asked(t, i, took, c.Middleware()(attempt(i, took)))
		switch c.State() {
		case breaker.Closed:
			return "closes"
		case breaker.Open:
			return "opens"
		default:
			return "nothing"
		}
	}},
	{"limit", func(t *testing.T, i int, took time.Duration) string {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		play := func(next endpoint.Func, row int, took time.Duration, rounds int) (began bool) {
			for range rounds {
				done := make(chan struct{})
				for range 40 {
					go func() {
						_ = asked(t, row, took, l.Middleware()(next))
						done <- struct{}{}
					}()
				}
				for range 40 {
					<-done
				}
				began = began || l.Snapshot().Limit > 0
			}
			return began
		}
		play(succeed, 0, quick, 500)
		if play(attempt(i, took), i, took, int(20*time.Second/took)) {
			return "may begin"
		}
		return "nothing"
	}},
	{"balancer", func(t *testing.T, i int, took time.Duration) string {
		pool := loadbalance.New("orders", loadbalance.Policy{Algorithm: loadbalance.RoundRobin, Probation: loadbalance.Probation{Disabled: true}, Seed: 1})
		pool.Update([]registry.Instance{{ID: "a", Endpoint: "http://10.0.0.1:80"}, {ID: "b", Endpoint: "http://10.0.0.2:80"}, {ID: "c", Endpoint: "http://10.0.0.3:80"}})
		end := "nothing"
		on := func(bad endpoint.Func) endpoint.Func {
			return pool.Middleware()(func(ctx context.Context, request any) (any, error) {
				if call.Of(ctx).Addr == "http://10.0.0.1:80" {
					return bad(ctx, request)
				}
				return succeed(ctx, request)
			})
		}
		for range 100 {
			_ = asked(t, 0, quick, on(succeed))
		}
		failed := 0
		for range 100 {
			_ = asked(t, i, took, on(func(ctx context.Context, request any) (any, error) {
				failed++
				return attempt(i, took)(ctx, request)
			}))
			if pool.Snapshot().Instances[0].Ejected {
				end = "ejects"
				if failed == 1 {
					end += " at once"
				}
				break
			}
		}
		return end
	}},
	{"retry", func(t *testing.T, i int, took time.Duration) string {
		var again [2]bool
		for n, safe := range []bool{false, true} {
			made := 0
			_ = asked(t, i, took, func(ctx context.Context, request any) (any, error) {
				return nil, retry.New("orders", retry.Policy{}).Do(ctx, safe, func(ctx context.Context, _ int) error {
					made++
					_, err := attempt(i, took)(ctx, request)
					return err
				})
			})
			again[n] = made > 1
		}
		return map[[2]bool]string{{true, true}: "repeats", {false, true}: "repeats what is safe", {false, false}: "nothing"}[again]
	}},
	{"event", func(t *testing.T, i int, took time.Duration) string {
		made := 0
		_ = asked(t, i, took, eventbus.RetryPolicy{}.Middleware()(func(ctx context.Context, request any) (any, error) {
			made++
			return attempt(i, took)(ctx, request)
		}))
		if made > 1 {
			return "repeats"
		}
		return "nothing"
	}},
	{"log", func(t *testing.T, i int, took time.Duration) string {
		var text strings.Builder
		log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_ = asked(t, i, took, endpoint.Log(log, "orders")(attempt(i, took)))
		_, level, _ := strings.Cut(text.String(), "level=")
		level, _, _ = strings.Cut(level, " ")
		return strings.ToLower(level)
	}},
}

// verdictTable is what each policy does with each verdict, found out by trying.
func verdictTable(t *testing.T) string {
	var table strings.Builder
	table.WriteString("| verdict | such as | outcome |")
	for _, c := range columns {
		table.WriteString(" " + c.name + " |")
	}
	table.WriteString("\n|" + strings.Repeat("---|", len(columns)+3) + "\n")
	for i, r := range results {
		fmt.Fprintf(&table, "| %s | %s | %s |", r.verdict, r.example, r.verdict.Outcome())
		for _, c := range columns {
			var does [2]string
			for n, took := range []time.Duration{quick, slow} {
				synctest.Test(t, func(t *testing.T) { does[n] = c.does(t, i, took) })
			}
			if does[1] != does[0] {
				does[0] += "; if slow: " + does[1]
			}
			table.WriteString(" " + does[0] + " |")
		}
		table.WriteString("\n")
	}
	return table.String()
}

// TestDocsSayWhatEachPolicyDoesWithEachVerdict writes the table into the docs where SINEW_WRITE_DOCS is set.
func TestDocsSayWhatEachPolicyDoesWithEachVerdict(t *testing.T) {
	const file, head, tail = "../../docs/resilience.md", "<!-- verdicts -->\n", "<!-- end of verdicts -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), head)
	printed, after, ended := strings.Cut(rest, tail)
	if !found || !ended {
		t.Fatalf("%s has no table of verdicts", file)
	}
	want := "\n" + verdictTable(t) + "\n"
	if os.Getenv("SINEW_WRITE_DOCS") != "" {
		if err := os.WriteFile(file, []byte(before+head+want+tail+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if printed != want {
		t.Errorf("%s has\n%s\nthe policies do\n%s\nrun this test with SINEW_WRITE_DOCS=1", file, printed, want)
	}
}

func TestEveryResultOfTheTableHasItsVerdict(t *testing.T) {
	for i, r := range results {
		if int(r.verdict) != i {
			t.Errorf("row %d is of %s", i, r.verdict)
		}
		synctest.Test(t, func(t *testing.T) {
			_ = asked(t, i, quick, func(ctx context.Context, request any) (any, error) {
				_, err := attempt(i, quick)(ctx, request)
				if got := fault.Judge(ctx, err); got != r.verdict {
					t.Errorf("%v is judged %s, want %s", err, got, r.verdict)
				}
				return nil, err
			})
		})
	}
}
