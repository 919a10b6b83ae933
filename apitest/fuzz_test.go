package apitest

import (
	"bytes"
	"os"
	"testing"
)

func FuzzGoldenFile(f *testing.F) {
	seed, err := os.ReadFile("testdata/orders.golden.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		string(seed), "", "null", "[]", `{"types":{"A":{"ref":"A"}},"routes":{"GET /x":{"answer":{"ref":"A"},"request":{"ref":"A","null":true}}}}`,
		`{"routes":{"GET /x":null}}`, `{"types":{"A":{"type":"list","of":{"ref":"B"}},"B":{"type":"object","members":{"a":{"ref":"A"}}}},"topics":{"x":{"event":{"ref":"A"}}}}`,
		`{"routes":{"GET /x":{"parameters":[{"in":"path","name":"x","type":"map","of":{"type":"any"},"default":<}]}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err != nil {
			if d != nil {
				t.Error("a document that is refused is returned")
			}
			return
		}
		if broken := compare(d, d); broken != nil {
			t.Errorf("it breaks itself: %q", broken)
		}
		compare(d, &document{Types: map[string]*shape{}})
		first := d.text()
		again, err := parse(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if second := again.text(); !bytes.Equal(first, second) {
			t.Errorf("the file was\n%s\nand is\n%s", first, second)
		}
	})
}
