package repository_test

import (
	"os"
	"strings"
	"testing"
)

// doneOnce is what every permit promises of Done.
const doneOnce = "Call Done exactly once, when the call ends, on this value or on a copy; " +
	"a second Done, on either, is a mistake and may count the call twice."

func TestEveryPermitPromisesTheSameOfDone(t *testing.T) {
	t.Chdir(root)
	for _, permit := range []struct{ file, declaration string }{
		{"limit/adaptivepermit.go", "type AdaptivePermit struct"},
		{"limit/concurrencypermit.go", "type ConcurrencyPermit struct"},
		{"breaker/breaker.go", "type Permit struct"},
		{"loadbalance/pick.go", "type Picked struct"},
	} {
		source, err := os.ReadFile(permit.file)
		if err != nil {
			t.Fatal(err)
		}
		before, _, found := strings.Cut(string(source), permit.declaration)
		if !found {
			t.Fatalf("%s has no %s", permit.file, permit.declaration)
		}
		comment := before[strings.LastIndex(before, "\n\n")+1:]
		if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(comment, "//", " ")), " "), doneOnce) {
			t.Errorf("the comment of %s in %s does not say %q", permit.declaration, permit.file, doneOnce)
		}
	}
}
