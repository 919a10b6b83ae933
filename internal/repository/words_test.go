package repository_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vague are everyday words that stood for something else in each file. None may be declared but as said here,
// the directory and the name: then its meaning is that one in the whole tree.
var vague = map[string][]string{
	"look": nil, "tell": nil, "told": nil, "take": nil, "held": nil, "lane": nil, "turn": nil, "life": nil,
	"patience": nil, "quiet": nil, "forever": nil, "learned": nil,
	"keep": {"idempotency.SaveAnswer"},
}

func TestNoVagueWordIsDeclared(t *testing.T) {
	t.Chdir(root)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, name := range declared(file) {
			allowed, listed := vague[strings.ToLower(name.Name)]
			if listed && !slices.Contains(allowed, filepath.Base(filepath.Dir(path))+"."+name.Name) {
				t.Errorf("%s declares %s; docs/glossary.md has better words", set.Position(name.Pos()), name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// declared are the names that a file declares, those within functions and parameter lists included.
func declared(file *ast.File) (names []*ast.Ident) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				names = append(names, identifiers(n.Lhs...)...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names = append(names, identifiers(n.Key, n.Value)...)
			}
		}
		return true
	})
	return names
}

func identifiers(expressions ...ast.Expr) (names []*ast.Ident) {
	for _, e := range expressions {
		if name, ok := e.(*ast.Ident); ok {
			names = append(names, name)
		}
	}
	return names
}

func TestDeclaredNamesAreFoundWhereverTheyStand(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "", `package p
type T struct{ field int }
type I interface{ method(parameter int) (result int) }
const constant = 1
var variable int
func (receiver T) function(argument int) (answer int) {
	short, used := 1, variable
	for key, value := range m { used = key }
	func(inner int) { var local int }(used)
	switch guard := any(used).(type) {}
}`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range declared(file) {
		got = append(got, name.Name)
	}
	slices.Sort(got)
	want := []string{"I", "T", "answer", "argument", "constant", "field", "function", "guard", "inner", "key", "local", "method", "parameter", "receiver", "result", "short", "used", "value", "variable"}
	if !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
