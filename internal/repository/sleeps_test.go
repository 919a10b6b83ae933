package repository_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// In a testing/synctest bubble a sleep takes no time and says what is meant. Outside of one
// it makes a test slow, or dependent on the speed of the machine.
func TestNoTestSleepsOutsideOfABubble(t *testing.T) {
	t.Chdir(root)
	packages := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, "_test.go") {
			packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range packages {
		set, parsed := token.NewFileSet(), []*ast.File(nil)
		for _, path := range files {
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		for _, at := range sleepsOutside(parsed) {
			t.Errorf("%s sleeps outside of a testing/synctest bubble", set.Position(at))
		}
	}
}

func TestASleepIsFoundWhereverItIsReachedFrom(t *testing.T) {
	const source = `package x
		func TestOutside(t *testing.T) { SLEEP }
		func TestHelper(t *testing.T) { helper(); synctest.Test(t, func(t *testing.T) { SLEEP; within() }) }
		func helper() { SLEEP }
		func within() { bubble.Sleep(1) }
		func inBubble(t *testing.T, play func()) { synctest.Test(t, func(t *testing.T) { play() }) }
		func TestWrapped(t *testing.T) { inBubble(t, func() { bubble.Sleep(1) }); inBubble(t, within) }
		func TestNamed(t *testing.T) { play := func(*testing.T) { bubble.Sleep(1) }; synctest.Test(t, play) }
		type slow struct{}
		func (slow) Do() { SLEEP }
		func TestMethod(t *testing.T) { use(slow{}) }
		type late struct{}
		func (late) Do() { bubble.Sleep(1) }
		func TestMethodWithin(t *testing.T) { inBubble(t, func() { use(late{}) }) }
	`
	set := token.NewFileSet()
	text := strings.Replace(source, "SLEEP; within", "bubble.Sleep(1); within", 1)
	file, err := parser.ParseFile(set, "x.go", strings.ReplaceAll(text, "SLEEP", "bubble.Sleep(2)"), parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, at := range sleepsOutside([]*ast.File{file}) {
		lines = append(lines, set.Position(at).Line)
	}
	slices.Sort(lines)
	if want := []int{2, 4, 10}; !slices.Equal(lines, want) {
		t.Errorf("sleeps are found in lines %v, want those of %v", lines, want)
	}
}

// bubbles finds out what the tests of a package run outside of bubbles.
type bubbles struct {
	// bodies are the functions, types and variables of the package by name. Those of a
	// type are its methods.
	bodies map[string][]ast.Node
	// runners are the functions that run what they are given in a bubble.
	runners map[string]bool
}

var entryPoint = regexp.MustCompile(`^((Test|Benchmark|Fuzz|Example)($|[^a-z])|TestMain$|init$)`)

// sleepsOutside returns where time.Sleep or bubble.Sleep is called in what is reached from tests, but for
// what is reached from bubbles only.
func sleepsOutside(files []*ast.File) (found []token.Pos) {
	b := bubbles{bodies: map[string][]ast.Node{}, runners: map[string]bool{"synctest.Test": true, "simtest.Run": true}}
	var reached []string
	for _, file := range files {
		for _, decl := range file.Decls {
			for _, name := range b.add(decl) {
				if entryPoint.MatchString(name) {
					reached = append(reached, name)
				}
			}
		}
	}
	for found := true; found; {
		found = false
		for name, bodies := range b.bodies {
			if f, ok := bodies[0].(*ast.FuncDecl); ok && !b.runners[name] && b.isRunner(f) {
				b.runners[name], found = true, true
			}
		}
	}
	seen := map[string]bool{}
	for len(reached) > 0 {
		name := reached[0]
		if reached = reached[1:]; seen[name] {
			continue
		}
		seen[name] = true
		for _, body := range b.bodies[name] {
			b.outside(body, func(n ast.Node) {
				switch n := n.(type) {
				case *ast.Ident:
					if b.bodies[n.Name] != nil {
						reached = append(reached, n.Name)
					}
				case *ast.SelectorExpr:
					if nameOf(n) == "time.Sleep" || nameOf(n) == "bubble.Sleep" {
						found = append(found, n.Pos())
					}
				}
			})
		}
	}
	return found
}

// add adds a declaration, and returns the names that it declares.
func (b bubbles) add(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			receiver := d.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if generic, ok := receiver.(*ast.IndexExpr); ok {
				receiver = generic.X
			}
			name = nameOf(receiver)
		}
		b.bodies[name] = append(b.bodies[name], d)
		return []string{d.Name.Name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				b.bodies[s.Name.Name] = append(b.bodies[s.Name.Name], s)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					b.bodies[name.Name] = append(b.bodies[name.Name], s)
				}
			}
		}
	}
	return nil
}

// isRunner reports whether f calls a function that it is given, and only in a bubble.
func (b bubbles) isRunner(f *ast.FuncDecl) bool {
	given := map[string]bool{}
	for _, p := range f.Type.Params.List {
		if _, ok := p.Type.(*ast.FuncType); ok {
			for _, name := range p.Names {
				given[name.Name] = true
			}
		}
	}
	inside, outside := 0, 0
	if f.Body == nil || len(given) == 0 {
		return false
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok && given[name.Name] {
			inside++
		}
		return true
	})
	b.outside(f.Body, func(n ast.Node) {
		if name, ok := n.(*ast.Ident); ok && given[name.Name] {
			outside++
		}
	})
	return inside > 0 && outside == 0
}

// outside calls visit for all nodes in n that do not run in a bubble.
func (b bubbles) outside(n ast.Node, visit func(ast.Node)) {
	inBubble := map[string]bool{} // variables that are given to a runner
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && b.runners[nameOf(call.Fun)] {
			for _, arg := range call.Args {
				inBubble[nameOf(arg)] = true
			}
		}
		return true
	})
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if b.runners[nameOf(n.Fun)] {
				return false
			}
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && inBubble[nameOf(n.Lhs[0])] {
				return false
			}
		case nil:
			return false
		}
		visit(n)
		return true
	})
}

// nameOf returns a or a.b, and "" for other expressions.
func nameOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok {
			return x.Name + "." + n.Sel.Name
		}
	}
	return ""
}
