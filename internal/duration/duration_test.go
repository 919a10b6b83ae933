package duration_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/duration"
)

type policy struct {
	Wait  time.Duration `json:"wait"`
	Max   time.Duration `json:"max,omitempty"`
	Ratio float64       `json:"ratio"`
	Name  string        `json:"name,omitempty"`
	Skip  int           `json:"-"`
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy{
			Wait: time.Duration(rapid.Int64().Draw(t, "wait")), Max: time.Duration(rapid.Int64().Draw(t, "max")),
			Ratio: rapid.Float64Range(-1e9, 1e9).Draw(t, "ratio"), Name: rapid.StringMatching(`[a-z]*`).Draw(t, "name"),
		}
		data, err := duration.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back policy
		if err := duration.Unmarshal(data, &back); err != nil || back != p {
			t.Fatalf("%s gave %+v, %v", data, back, err)
		}
	})
}

func TestDurationsAreStrings(t *testing.T) {
	data, _ := duration.Marshal(policy{Wait: 1500 * time.Millisecond})
	if string(data) != `{"ratio":0,"wait":"1.5s"}` {
		t.Fatalf("got %s", data)
	}
}

func TestANumberWithoutAUnitIsRefused(t *testing.T) {
	p := policy{Wait: time.Second}
	if err := duration.Unmarshal([]byte(`{"wait": 5}`), &p); err == nil || !strings.Contains(err.Error(), `wait: a duration such as "1s" is needed, not 5`) {
		t.Errorf("%v, %v", p.Wait, err)
	}
	if err := duration.Unmarshal([]byte(`{"wait": 0}`), &p); err != nil || p.Wait != 0 {
		t.Errorf("%v, %v", p.Wait, err)
	}
}

func TestADuplicateSettingIsRefused(t *testing.T) {
	for _, text := range []string{`{"ratio":1,"ratio":2}`, `{"ratio":1,"name":"{\"ratio\":1}","\u0072atio":2}`, `{"wait":"1s","wait":null}`} {
		p := policy{Name: "kept"}
		if err := duration.Unmarshal([]byte(text), &p); err == nil || !strings.Contains(err.Error(), "twice") || p != (policy{Name: "kept"}) {
			t.Errorf("%s gave %+v, %v", text, p, err)
		}
	}
	var p policy
	if err := duration.Unmarshal([]byte(`{"name":"ratio","ratio":2}`), &p); err != nil || p.Ratio != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestBadInputChangesNothing(t *testing.T) {
	for _, bad := range []string{`{"wait":"2s","max":"soon"}`, `{"wait":"2s","hurry":1}`, `{"wait":"2s","ratio":"x"}`, `{"wait":true}`, `[]`, `{`} {
		p := policy{Wait: time.Second}
		if err := duration.Unmarshal([]byte(bad), &p); err == nil || p != (policy{Wait: time.Second}) {
			t.Errorf("%s gave %+v, %v", bad, p, err)
		}
	}
	var p policy
	if err := duration.Unmarshal([]byte(`{"hurry":1}`), &p); err == nil || !strings.Contains(err.Error(), `"hurry"; there are max, name, ratio, wait`) {
		t.Errorf("the message does not help: %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"wait":"1s","ratio":0.5}`))
	f.Add([]byte(`{"wait":9223372036854775808}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p policy
		if duration.Unmarshal(data, &p) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q was taken", data)
		}
	})
}
