package attribute_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/attribute"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	var e eventbus.Event
	fmt.Println(attribute.Set(&e, "partitionkey", "o-7"), attribute.Set(&e, "tenant", "blue"))
	fmt.Println(e.Key, e.Extensions["tenant"])
	fmt.Println(attribute.Set(&e, "specversion", "0.3"))
	// Output:
	// <nil> <nil>
	// o-7 blue
	// invalid_argument: an event of specversion "0.3"; 1.0 is understood
}

func TestEachAttributeHasAField(t *testing.T) {
	var got eventbus.Event
	for name, value := range map[string]string{
		"specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": "sub", "dataschema": "d", "partitionkey": "k",
		"time": "2026-11-30t12:00:00z", "traceparent": "00-x",
	} {
		if err := attribute.Set(&got, name, value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := eventbus.Event{
		ID: "1", Source: "s", Type: "t", Subject: "sub", DataSchema: "d", Key: "k",
		Time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Extensions: map[string]string{"traceparent": "00-x"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the event is %+v, want %+v", got, want)
	}
}

func TestATimeThatIsNoneIsRefused(t *testing.T) {
	if err := attribute.Set(&eventbus.Event{}, "time", "yesterday"); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("the error is %v, want invalid_argument", err)
	}
}
