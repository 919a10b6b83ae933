package apitest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// comparison finds what breaks those who depend on old and meet new.
type comparison struct {
	old, new *document
	findings []finding
	compared map[pairing]bool // within one operation
	strict   bool             // the route that is compared
}

// compare returns a sentence for each breaking change.
func compare(old, current *document) []string {
	c := comparison{old: old, new: current}
	c.routes()
	c.topics()
	c.methods()
	return sentences(c.findings)
}

// variable matches a variable of a path, but for the three dots of one that has slashes.
var variable = regexp.MustCompile(`\{[^{}.$]*`)

// anonymous returns a pattern without the names of its variables, which do not travel.
func anonymous(pattern string) string { return variable.ReplaceAllString(pattern, "{") }

func (c *comparison) routes() {
	byPattern, methods := map[string]string{}, map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(c.new.Routes)) {
		byPattern[anonymous(name)] = name
		method, path, _ := strings.Cut(anonymous(name), " ")
		methods[path] = append(methods[path], method)
	}
	for _, name := range slices.Sorted(maps.Keys(c.old.Routes)) {
		if now, ok := byPattern[anonymous(name)]; ok {
			c.route(name, c.old.Routes[name], c.new.Routes[now])
			continue
		}
		_, path, _ := strings.Cut(anonymous(name), " ")
		problem := "is gone"
		if others := methods[path]; others != nil {
			problem += ", and its path has " + strings.Join(others, " and ") + " alone"
		}
		c.add(place{operation: name, part: "the route"}, problem, "bring it back beside the others", callers)
	}
}

func (c *comparison) topics() {
	for _, name := range slices.Sorted(maps.Keys(c.old.Topics)) {
		at := place{operation: name, part: "the topic"}
		was, is := c.old.Topics[name], c.new.Topics[name]
		switch {
		case is == nil:
			c.add(at, "is gone", "publish it on, beside what replaces it", subscribers)
			continue
		case was.Ordered && !is.Ordered:
			c.add(at, "had a key and has none, so that its events have no order",
				"give it its Key again", subscribers)
		}
		if c.version(at, was, is) {
			c.body(at, "the event", was.Event, is.Event, published)
		}
	}
}

// version compares the versions of a topic, and reports whether they are the same.
func (c *comparison) version(at place, was, is *operation) bool {
	before, now := max(was.Version, 1), max(is.Version, 1)
	reads := append(slices.Clone(is.Earlier), now)
	for _, version := range append(slices.Clone(was.Earlier), before) {
		if !slices.Contains(reads, version) && version <= now {
			c.add(at, fmt.Sprintf("no longer reads events of version %d", version),
				fmt.Sprintf("add version %d to Earlier", version), subscribers)
		}
	}
	if now < before {
		c.add(at, fmt.Sprintf("had version %d and has version %d", before, now),
			fmt.Sprintf("set Version to %d, or to a higher one", before), subscribers)
	}
	return now == before
}

func (c *comparison) methods() {
	for _, name := range slices.Sorted(maps.Keys(c.old.Methods)) {
		if is := c.new.Methods[name]; is != nil {
			c.route(name, c.old.Methods[name], is)
			continue
		}
		c.add(place{operation: name, part: "the method"}, "is gone", "bring it back beside the others", callers)
	}
}

// route compares what is called.
func (c *comparison) route(name string, was, is *operation) {
	at := place{operation: name}
	add := func(part, problem, advice string) {
		at.part = part
		c.add(at, problem, advice, callers)
	}
	if was.Status != is.Status {
		add("the status of a success", fmt.Sprintf("was %d and is %d", was.Status, is.Status),
			fmt.Sprintf("set Status to %d", was.Status))
	}
	if was.Keyed && !is.Keyed {
		add("the idempotency key", "was obeyed and is ignored, so that a repeat acts again", "set Keyed")
	}
	c.parameters(at, was.Parameters, is.Parameters)
	c.headers(at, was.Headers, is.Headers)
	switch {
	case was.Request == nil && is.Request != nil:
		add("the request", "had no body and must have one", "make a route of its own for what has a body")
	case was.Request != nil && is.Request != nil && !was.Strict && is.Strict:
		add("the request", "was lenient and is strict, which refuses members that were ignored",
			"leave Strict unset")
	}
	if was.Request != nil && is.Request != nil && is.MaxBody < was.MaxBody {
		add("the request", fmt.Sprintf("could have %d bytes and can have %d", was.MaxBody, is.MaxBody),
			"set MaxBody to what it was")
	}
	c.strict = is.Strict
	c.body(at, "the request", was.Request, is.Request, sent)
	c.body(at, "the answer", was.Answer, is.Answer, read)
}

// body compares what was there before.
func (c *comparison) body(at place, part string, was, is *shape, dir direction) {
	at.part = part
	c.compared = map[pairing]bool{}
	switch {
	case was == nil:
	case is == nil:
		c.add(at, "had a body, "+was.String()+", and has none", "bring it back", dir.whoIsLeft())
	default:
		c.value(at, was, is, dir)
	}
}
