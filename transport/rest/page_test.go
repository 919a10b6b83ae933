package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type listNumbers struct {
	After rest.Cursor `query:"after" json:"-"`
	Limit int         `query:"limit" default:"3" json:"-"`
}

// numbers answers a page of the numbers from 1 to n.
func numbers(n int) endpoint.Endpoint[*listNumbers, rest.Page[int]] {
	return func(_ context.Context, r *listNumbers) (page rest.Page[int], err error) {
		var last int
		if err := r.After.Decode(&last); err != nil {
			return page, err
		}
		for i := last + 1; i <= n && len(page.Items) < r.Limit; i++ {
			page.Items = append(page.Items, i)
		}
		if last += len(page.Items); last < n {
			page.Next = rest.CursorOf(last)
		}
		return page, nil
	}
}

var listRoute = rest.Route[*listNumbers, rest.Page[int]]{Pattern: "GET /numbers"}

func ExampleAll() {
	mux := http.NewServeMux()
	listRoute.Handle(mux, numbers(7))
	server := httptest.NewServer(mux)
	defer server.Close()

	list := listRoute.Endpoint(rest.Remote(server.URL, server.Client()))
	for n, err := range rest.All(context.Background(), list, &listNumbers{Limit: 3}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Print(n, " ")
	}
	// Output: 1 2 3 4 5 6 7
}

// collected returns what All yields.
func collected[T any](all func(func(T, error) bool)) (items []T, err error) {
	for item, failure := range all {
		if failure != nil {
			return items, failure
		}
		items = append(items, item)
	}
	return items, nil
}

func TestAllYieldsEveryItemOfEveryPageOnce(t *testing.T) {
	for n := range 10 {
		mux := http.NewServeMux()
		listRoute.Handle(mux, numbers(n))
		caller, _ := serve(t, mux)
		first := &listNumbers{}
		got, err := collected(rest.All(t.Context(), listRoute.Endpoint(caller), first))
		if err != nil || len(got) != n || !slices.IsSorted(got) || first.After != "" {
			t.Errorf("of %d numbers it yields %v, %v, and the first request becomes %+v", n, got, err, *first)
		}
	}
}

func TestAllAcceptsAnyRequestAndAnswerOfAList(t *testing.T) {
	type byValue struct{ From rest.Cursor }
	type labelled struct {
		rest.Page[string]
		Label string
	}
	list := func(_ context.Context, r byValue) (*labelled, error) {
		if r.From == "" {
			return &labelled{Page: rest.Page[string]{Items: []string{"a"}, Next: "2"}}, nil
		}
		return &labelled{Page: rest.Page[string]{Items: []string{"b"}}}, nil
	}
	if got, err := collected(rest.All(t.Context(), list, byValue{})); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("it yields %v, %v", got, err)
	}
}

func TestAllRequestsNoPageThatIsNotNeeded(t *testing.T) {
	requests := 0
	list := func(ctx context.Context, r *listNumbers) (rest.Page[int], error) {
		requests++
		return numbers(100)(ctx, &listNumbers{After: r.After, Limit: 3})
	}
	for n := range rest.All(t.Context(), list, nil) {
		if n == 6 {
			break
		}
	}
	if requests != 2 {
		t.Errorf("for 6 items it makes %d requests of 3, want 2", requests)
	}
}

func TestAllEndsWithAFailureOfAPage(t *testing.T) {
	list := func(_ context.Context, r *listNumbers) (*rest.Page[int], error) {
		if r.After != "" {
			return nil, fault.Unavailable
		}
		return &rest.Page[int]{Items: []int{1}, Next: "x"}, nil
	}
	if got, err := collected(rest.All(t.Context(), list, &listNumbers{})); !errors.Is(err, fault.Unavailable) || !slices.Equal(got, []int{1}) {
		t.Errorf("it yields %v, %v", got, err)
	}
	empty := func(context.Context, *listNumbers) (*rest.Page[int], error) { return nil, nil }
	if _, err := collected(rest.All(t.Context(), empty, &listNumbers{})); !errors.Is(err, fault.Internal) {
		t.Errorf("without an answer it ends with %v", err)
	}
}

func TestAllEndsWhereTheCursorsGoInACircle(t *testing.T) {
	for _, c := range []struct{ before, circle int }{{0, 1}, {1, 1}, {0, 2}, {5, 3}, {2, 50}} {
		pages := 0
		list := func(_ context.Context, r *listNumbers) (rest.Page[int], error) {
			pages++
			at, _ := strconv.Atoi(string(r.After))
			if at++; at >= c.before+c.circle {
				at = c.before
			}
			return rest.Page[int]{Items: []int{at}, Next: rest.Cursor(strconv.Itoa(at))}, nil
		}
		_, err := collected(rest.All(t.Context(), list, &listNumbers{}))
		if !errors.Is(err, fault.Internal) || pages > 4*(c.before+c.circle+1) {
			t.Errorf("a circle of %d after %d pages ends after %d with %v", c.circle, c.before, pages, err)
		}
	}
}

func TestARequestWithoutExactlyOneCursorIsRefused(t *testing.T) {
	for name, all := range map[string]func(){
		"none": func() {
			rest.All(t.Context(), func(context.Context, *item) (rest.Page[int], error) { return rest.Page[int]{}, nil }, nil)
		},
		"two": func() {
			rest.All(t.Context(), func(context.Context, struct{ A, B rest.Cursor }) (rest.Page[int], error) {
				return rest.Page[int]{}, nil
			}, struct{ A, B rest.Cursor }{})
		},
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "needs one") {
					t.Errorf("with %s it says %s", name, p)
				}
			}()
			all()
		}()
	}
}

func TestACursorIsTheKeyThatItWasMadeOf(t *testing.T) {
	type key struct {
		Time int64
		ID   string
	}
	var got key
	if err := rest.CursorOf(key{7, "ü/1"}).Decode(&got); err != nil || got != (key{7, "ü/1"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := rest.Cursor("").Decode(&got); err != nil || got.Time != 7 {
		t.Errorf("an empty cursor makes %+v, %v", got, err)
	}
}

func TestACursorThatWasChangedIsTheCallersMistake(t *testing.T) {
	mux := http.NewServeMux()
	listRoute.Handle(mux, numbers(7))
	for _, cursor := range []rest.Cursor{"x", "%25", rest.CursorOf(1) + "A", "MV0", rest.CursorOf("1"), rest.CursorOf([]int{1}), "MSAx", rest.CursorOf(map[string]int{"a": 1})} {
		if got := ask(mux, "GET", "/numbers?after="+string(cursor), "", ""); got.Code != 400 {
			t.Errorf("the cursor %q is answered with %d: %s", cursor, got.Code, got.Body)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("MQ")
	f.Add(string(rest.CursorOf("a")))
	f.Fuzz(func(t *testing.T, text string) {
		var key any
		if err := rest.Cursor(text).Decode(&key); err != nil {
			if !errors.Is(err, fault.InvalidArgument) {
				t.Errorf("%q is refused with %v", text, err)
			}
			return
		}
		var again any
		if err := rest.CursorOf(key).Decode(&again); text != "" && (err != nil || fmt.Sprint(again) != fmt.Sprint(key)) {
			t.Errorf("%q is %v, and that one's cursor %v, %v", text, key, again, err)
		}
	})
}
