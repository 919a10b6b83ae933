package endpoint_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	kitendpoint "github.com/go-kit/kit/endpoint"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
)

var errOdd = errors.New("odd")

// step returns a random endpoint of int: it adds, or fails on odd numbers.
func step(t *rapid.T, label string) endpoint.Endpoint[int, int] {
	add, fails := rapid.Int().Draw(t, label), rapid.Bool().Draw(t, label+" fails")
	return func(_ context.Context, n int) (int, error) {
		if fails && n%2 != 0 {
			return 0, errOdd
		}
		return n + add, nil
	}
}

func TestThenIsAssociativeWithIdentityAsUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, g, h := step(t, "f"), step(t, "g"), step(t, "h")
		id := endpoint.New(endpoint.Identity[int])
		n := rapid.Int().Draw(t, "n")
		same := func(law string, a, b endpoint.Endpoint[int, int]) {
			x, errX := a(t.Context(), n)
			y, errY := b(t.Context(), n)
			if x != y || !errors.Is(errX, errY) {
				t.Fatalf("%s: %d, %v is not %d, %v", law, x, errX, y, errY)
			}
		}
		same("associative", endpoint.Then(endpoint.Then(f, g), h), endpoint.Then(f, endpoint.Then(g, h)))
		same("left unit", endpoint.Then(id, f), f)
		same("right unit", endpoint.Then(f, id), f)
	})
}

// mark is a middleware that records its number on the way in and out.
func mark(trail *[]int, n int) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			*trail = append(*trail, n)
			defer func() { *trail = append(*trail, -n) }()
			return next(ctx, request)
		}
	}
}

func TestWithIsAnActionOfChainsOnEndpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var trail []int
		marks := func(label string) []endpoint.Middleware {
			var mws []endpoint.Middleware
			for _, n := range rapid.SliceOfN(rapid.IntRange(1, 100), 0, 5).Draw(t, label) {
				mws = append(mws, mark(&trail, n))
			}
			return mws
		}
		a, b := marks("a"), marks("b")
		e := step(t, "e")
		n := rapid.Int().Draw(t, "n")
		run := func(e endpoint.Endpoint[int, int]) ([]int, int, error) {
			trail = nil
			v, err := e(t.Context(), n)
			return trail, v, err
		}
		same := func(law string, x, y endpoint.Endpoint[int, int]) {
			trailX, vX, errX := run(x)
			trailY, vY, errY := run(y)
			if !slices.Equal(trailX, trailY) || vX != vY || !errors.Is(errX, errY) {
				t.Fatalf("%s: %v %d %v is not %v %d %v", law, trailX, vX, errX, trailY, vY, errY)
			}
		}
		same("With() is the identity", e.With(), e)
		same("With(a, b) is With(b).With(a)", e.With(slices.Concat(a, b)...), e.With(b...).With(a...))
		same("With(Chain(a)) is With(a)", e.With(endpoint.Chain(a...)), e.With(a...))
	})
}

func TestMiddlewaresAllocateNothingWithPointers(t *testing.T) {
	type message struct{ n int }
	pass := func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) { return next(ctx, request) }
	}
	ep := endpoint.New(endpoint.Identity[*message]).With(pass, pass, pass, pass, pass)
	ctx, m := t.Context(), &message{n: 1}
	if n := testing.AllocsPerRun(1000, func() { _, _ = ep(ctx, m) }); n != 0 {
		t.Fatalf("a call through five middlewares allocates %v times", n)
	}
	validated := endpoint.New(endpoint.Identity[*message]).With(endpoint.Validate(), endpoint.Recover(nil), endpoint.Fallback(
		func(_ context.Context, m *message, err error) (*message, error) { return m, err }))
	if n := testing.AllocsPerRun(1000, func() { _, _ = validated(ctx, m) }); n != 0 {
		t.Fatalf("a call through Validate, Recover and Fallback allocates %v times", n)
	}
}

func BenchmarkFiveMiddlewares(b *testing.B) {
	type message struct{ n int }
	pass := func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) { return next(ctx, request) }
	}
	ep := endpoint.New(endpoint.Identity[*message]).With(pass, pass, pass, pass, pass)
	ctx, m := b.Context(), &message{n: 1}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ep(ctx, m)
	}
}
