package repository_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sinew-go/sinew"

// root is the repository's root, where the tests run.
const root = "../.."

// layers are the packages of the root module and their level: a package imports only from
// lower levels.
var layers = map[string]int{
	"fault": 0, "call": 1, "endpoint": 2, "idempotency": 3,
	"registry": 4, "breaker": 4, "retry": 4, "limit": 4, "metrics": 4, "tracing": 4, "eventbus": 4, "config": 4,
	"loadbalance": 5, "transport": 7, "": 8, "simtest": 9, "apitest": 9,
}

// dependencies are the direct requirements of the root module.
var dependencies = []string{
	"github.com/afex/hystrix-go", "github.com/go-kit/kit", "github.com/go-kit/log", "github.com/hashicorp/consul/api",
	"github.com/klauspost/compress", "github.com/openzipkin/zipkin-go", "github.com/prometheus/client_golang", "github.com/rs/cors", "go.yaml.in/yaml/v3",
}

// testDependencies are required by tests only.
var testDependencies = []string{"go.uber.org/goleak", "pgregory.net/rapid"}

// output returns what a command prints. go test does not see which files the command reads;
// it repeats these tests when a Go file changes because TestNoVagueWordIsDeclared opens all.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

func topPackage(path string) (name string, ours bool) {
	rest, ours := strings.CutPrefix(path, module)
	name, _, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	return name, ours
}

func TestNoPackageImportsUpwardOrSideways(t *testing.T) {
	t.Chdir(root)
	for line := range strings.Lines(output(t, "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")) {
		paths := strings.Fields(line)
		from, _ := topPackage(paths[0])
		if from == "internal" {
			continue
		}
		above, known := layers[from]
		if !known {
			t.Errorf("package %s is in no layer", paths[0])
		}
		for _, path := range paths[1:] {
			to, ours := topPackage(path)
			if !ours || to == "internal" || to == from {
				continue
			}
			if layers[to] >= above {
				t.Errorf("%s imports %s", paths[0], path)
			}
		}
	}
}

func TestNoPackageButAnAdapterImportsAHeavyDependency(t *testing.T) {
	t.Chdir(root)
	for line := range strings.Lines(output(t, "go", "list", "-deps", "-f", `{{.ImportPath}}`, ".", "./transport/...", "./loadbalance", "./eventbus", "./endpoint")) {
		for _, heavy := range []string{"hashicorp", "nats-io", "zipkin", "hystrix", "google.golang.org/grpc", "k8s.io", "etcd", "kafka"} {
			if strings.Contains(line, heavy) {
				t.Errorf("the root package brings %s", line)
			}
		}
	}
}

func TestRootModuleRequiresWhatWasAgreed(t *testing.T) {
	t.Chdir(root)
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal([]byte(output(t, "go", "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect && !slices.Contains(testDependencies, r.Path) {
			direct = append(direct, r.Path)
		}
	}
	slices.Sort(direct)
	if !slices.Equal(direct, dependencies) {
		t.Errorf("required: %v\nagreed: %v", direct, dependencies)
	}
}

func TestEveryModuleIsOnTheSameGoAndTheNextRelease(t *testing.T) {
	t.Chdir(root)
	files, err := filepath.Glob("*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("*/*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(append(files, deeper...), "go.mod", "go.work") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^go 1\.26\.0$`).Match(text) || strings.Contains(string(text), "\ntoolchain") {
			t.Errorf("%s is not on go 1.26.0", file)
		}
		for _, m := range regexp.MustCompile(`(?m)^\s*(?:require )?(`+module+`\S*) (v\S+)`).FindAllStringSubmatch(string(text), -1) {
			if m[2] != "v0.1.0" || !strings.Contains(string(text), m[1]+" => ..") {
				t.Errorf("%s requires %s %s without a relative replace, or not at the next release", file, m[1], m[2])
			}
		}
	}
	work, err := os.ReadFile("go.work")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, deeper...) {
		dir := "./" + filepath.ToSlash(filepath.Dir(file))
		if in := strings.Contains(string(work), "\t"+dir+"\n"); in == strings.HasPrefix(dir, "./servers/") {
			t.Errorf("%s in go.work: %v", dir, in)
		}
	}
}

func TestEveryPackageHasACommentAndAnExample(t *testing.T) {
	t.Chdir(root)
	format := `{{.Dir}}|{{.ImportPath}}|{{.Doc}}|{{.Name}}|{{join .GoFiles ","}}|{{join .TestGoFiles ","}},{{join .XTestGoFiles ","}}`
	for line := range strings.Lines(output(t, "go", "list", "-f", format, "./...")) {
		p := strings.Split(strings.TrimSpace(line), "|")
		dir, path, doc, tests := p[0], p[1], p[2], p[5]
		if doc == "" {
			t.Errorf("%s has no package comment", path)
		}
		example := strings.Contains(path, "/internal/")
		for file := range strings.SplitSeq(tests, ",") {
			if file == "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			example = example || strings.Contains(string(text), "\nfunc Example") && strings.Contains(string(text), "utput:")
		}
		if !example {
			t.Errorf("%s has no Example with Output", path)
		}
	}
}

// documents are the documents for readers, with the minimum number of code blocks of each.
var documents = map[string]int{
	"README.md": 6, "CHANGELOG.md": 0, "CONTRIBUTING.md": 0,
	"docs/compatibility.md": 1, "docs/design.md": 0, "docs/resilience.md": 3, "docs/migrating-from-go-kit.md": 8,
	"docs/routers.md": 5, "docs/streams.md": 3,
}

func TestREADMEAndDocsShowCodeThatCompiles(t *testing.T) {
	t.Chdir(root)
	var compiled []string
	for _, file := range []string{"example_readme_test.go", "example_recipes_test.go", "interop/migrating_test.go", "interop/migrating_before_test.go", "interop/kitgrpc_test.go", "example_test.go", "examples/quickstart/main.go", "simtest/example_test.go", "examples/inventory/api/contract_test.go", "interop/routers_test.go", "interop/socket_test.go", "example_longpoll_test.go", "transport/gin/example_test.go", "transport/grpc/example_test.go", "transport/grpc/example_codec_test.go", "transport/rest/example_stream_test.go", "examples/shop/api/grpc.go", "eventbus/outbox/example_test.go", "eventbus/kafka/example_test.go", "saga/example_test.go", "eventbus/eventstore/example_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compiled = append(compiled, unindented(string(text)))
	}
	for document, least := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		blocks := codeBlocks(string(text))
		if len(blocks) < least {
			t.Errorf("%s has %d blocks of code", document, len(blocks))
		}
		for _, b := range blocks {
			block := unindented(b)
			if !slices.ContainsFunc(compiled, func(text string) bool { return strings.Contains(text, block) }) {
				t.Errorf("%s: no test compiles:\n%s", document, b)
			}
		}
	}
}

// codeBlocks returns the Go blocks of a document, and the added and removed code of its
// diffs.
func codeBlocks(document string) (blocks []string) {
	for _, b := range regexp.MustCompile("(?s)```(go|diff)\n(.*?)```").FindAllStringSubmatch(document, -1) {
		if b[1] == "go" {
			blocks = append(blocks, b[2])
			continue
		}
		for _, sign := range []string{"-", "+"} {
			var code strings.Builder
			for line := range strings.Lines(b[2]) {
				if rest, ok := strings.CutPrefix(line, sign); ok {
					code.WriteString(rest)
				}
			}
			blocks = append(blocks, code.String())
		}
	}
	return blocks
}

func TestREADMEAndDocsLinkToWhatIsThere(t *testing.T) {
	t.Chdir(root)
	for document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		prose := regexp.MustCompile("(?s)```.*?```|`[^`]*`").ReplaceAllString(string(text), "")
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, place, _ := strings.Cut(m[1], "#")
			if file = filepath.Join(filepath.Dir(document), file); strings.HasPrefix(m[1], "#") {
				file = document
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", document, err)
				continue
			}
			if place != "" && !slices.Contains(headings(t, file), place) {
				t.Errorf("%s links to %s, where there is no such heading", document, m[1])
			}
		}
	}
}

// headings returns the headings of a document in the form that links use.
func headings(t *testing.T, file string) (names []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// unindented returns code without the indentation of its surroundings.
func unindented(code string) string {
	return regexp.MustCompile(`(?m)^[ \t]+|[ \t]+$`).ReplaceAllString(strings.TrimSpace(code), "")
}
