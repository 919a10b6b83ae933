package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

type evenOnly int

func (e evenOnly) Validate() error {
	if e%2 != 0 {
		return fault.InvalidArgument.Errorf("%d is odd", e)
	}
	return nil
}

// A file that is not meant for the settings, or that is damaged, causes one log line and
// not a full log.
func TestAnErrorIsShortHoweverMuchIsWrong(t *testing.T) {
	var unknown, twice, list strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&unknown, "%q: 1,\n", fmt.Sprint("k", i))
		list.WriteString("1,")
	}
	long := strings.Repeat("é", 1<<14)
	fmt.Fprintf(&twice, "{%q: 1, %q: 2}", long, long)
	for _, c := range []struct {
		name    string
		content string
	}{
		{name: "many.json", content: "{" + strings.TrimSuffix(unknown.String(), ",\n") + "}"},
		{name: "long.json", content: fmt.Sprintf("{%q: 1}", long)},
		{name: "twice.json", content: twice.String()},
		{name: "long.yaml", content: long + ": 1\n"},
		{name: "twice.yaml", content: fmt.Sprintf("%[1]s: 1\n%[1]s: 2\n", strings.Repeat("k", 900))},
		{name: "each.yaml", content: strings.Repeat("a: 1\n", 5000)},
		{name: "list.json", content: `{"hosts":[` + list.String() + `1]}`},
	} {
		_, err := load(t, config.File(fileSource(t, c.name, c.content)))
		checkError(t, err, c.name)
		if err != nil && len(err.Error()) > 20_000 {
			t.Errorf("%s: the error has %d bytes: %.300s", c.name, len(err.Error()), err)
		}
	}
	type numbers struct {
		All []evenOnly `json:"all"`
	}
	_, err := config.Load(numbers{}, config.File(fileSource(t, "odd.json", `{"all":[`+list.String()+`1]}`)))
	if err == nil || len(err.Error()) > 20_000 || !strings.Contains(err.Error(), "more") {
		t.Errorf("an error of %d bytes: %.300v", len(fmt.Sprint(err)), err)
	}
}
