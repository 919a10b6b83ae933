package apitest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Who must be gone before a breaking change is none.
const (
	noCaller     = "no caller is left that knows the old one"
	noSubscriber = "no subscriber and no stored event is left of the old one"
)

// place is where something is in a contract.
type place struct {
	operation string // "GET /orders/{id}"
	part      string // "the answer"
	path      string // within the part: "items[].sku"
	// owner is the named type around it, and within the path in that type. A change of a
	// type is one finding, wherever the type travels.
	owner, within string
}

// member returns the place of a member.
func (p place) member(name string) place {
	if !regexp.MustCompile(`^[\pL\pN_-]+$`).MatchString(name) {
		name = strconv.Quote(name)
	}
	for _, path := range []*string{&p.path, &p.within} {
		if *path == "" {
			*path = name
		} else {
			*path += "." + name
		}
	}
	return p
}

// element returns the place of the elements of a list or map.
func (p place) element(form string) place {
	suffix := "[]"
	if form == mapForm {
		suffix = "[*]"
	}
	p.path, p.within = p.path+suffix, p.within+suffix
	return p
}

// finding is a breaking change.
type finding struct {
	place
	problem string // "was string and is integer"
	advice  string
	left    string // who must be gone
}

func (c *comparison) add(at place, problem, advice, left string) {
	c.findings = append(c.findings, finding{at, problem, advice, left})
}

// key is the same for findings that are one change.
func (f finding) key() string {
	at := f.owner + "\x00" + f.within
	if f.owner == "" {
		at = f.operation + "\x00" + f.part + "\x00" + f.path
	}
	return at + "\x00" + f.problem
}

// sentences returns one sentence for each change.
func sentences(findings []finding) (all []string) {
	var order []string
	operations, first := map[string][]string{}, map[string]finding{}
	for _, f := range findings {
		key := f.key()
		if operations[key] == nil {
			order, first[key] = append(order, key), f
		}
		if !slices.Contains(operations[key], f.operation) {
			operations[key] = append(operations[key], f.operation)
		}
	}
	for _, key := range order {
		all = append(all, first[key].sentence(operations[key][1:]))
	}
	return all
}

// sentence names the operation of the finding, and the others that have it, too.
func (f finding) sentence(others []string) string {
	subject := f.part
	if f.path != "" {
		subject = f.path + " of " + f.part
	}
	where := f.operation
	if len(others) > 0 {
		where += fmt.Sprintf(" (and %s)", strings.Join(others, ", "))
	}
	return fmt.Sprintf("%s: %s %s: %s, or run go test -update if %s",
		where, subject, f.problem, f.advice, f.left)
}
