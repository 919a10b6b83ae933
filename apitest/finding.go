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
	callers     = "caller"
	subscribers = "subscriber or stored event"
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

// plain matches names that stand in a path as they are.
var plain = regexp.MustCompile(`^[\pL\pN_-]+$`)

// member returns the place of a member.
func (p place) member(name string) place {
	if !plain.MatchString(name) {
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
	left    string // callers or subscribers
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
	var changes []*change
	byKey := map[string]*change{}
	for _, f := range findings {
		key := f.key()
		if byKey[key] == nil {
			byKey[key] = &change{finding: f}
			changes = append(changes, byKey[key])
		}
		byKey[key].add(f)
	}
	for _, c := range changes {
		all = append(all, c.String())
	}
	return all
}

// change is the first of the findings that are one change, and what the others add.
type change struct {
	finding
	operations []string
	gone       []string // who must be gone
}

func (c *change) add(f finding) {
	if !slices.Contains(c.operations, f.operation) {
		c.operations = append(c.operations, f.operation)
	}
	if !slices.Contains(c.gone, f.left) {
		c.gone = append(c.gone, f.left)
	}
}

// String is a sentence that names the operation of the first finding, and some others.
func (c *change) String() string {
	const most = 3
	where, others := c.operation, c.operations[1:]
	switch more := len(others) - most; {
	case more > 1:
		where += fmt.Sprintf(" (and %s, and %d more)", strings.Join(others[:most], ", "), more)
	case len(others) > 0:
		where += fmt.Sprintf(" (and %s)", strings.Join(others, ", "))
	}
	subject := c.part
	if c.path != "" {
		subject = c.path + " of " + c.part
	}
	return fmt.Sprintf("%s: %s %s: %s, or run go test -update if no %s of the old contract is left",
		where, subject, c.problem, c.advice, strings.Join(c.gone, ", "))
}
