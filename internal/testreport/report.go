package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// report turns events into lines for people, while the tests still run, and counts.
// A test with subtests counts only through them, unless it failed by itself.
type report struct {
	out      io.Writer
	packages map[string]*packageRun
	builds   map[string]*strings.Builder // what the compiler said, by import path
	skips    []string                    // the skipped tests, "package test: reason"
	reasons  map[string]int              // how many tests were skipped for each reason
	names    bool                        // name every skipped test, and not only the reasons

	passed, failed, skipped int
}

// packageRun is what is known of a package whose tests run.
type packageRun struct {
	tests                   map[string]*testRun
	order                   []string // the tests' names as they began
	output                  strings.Builder
	passed, failed, skipped int
}

// testRun is one test or subtest. An empty verdict means that it has not ended.
type testRun struct {
	verdict string
	output  strings.Builder
}

// newReport makes a report that names every skipped test, or just counts them by
// reason where skips are expected.
func newReport(out io.Writer, names bool) *report {
	return &report{
		out: out, names: names, reasons: map[string]int{},
		packages: map[string]*packageRun{}, builds: map[string]*strings.Builder{},
	}
}

// read takes in all events. A line that is none is passed on: something of the
// command or of a test went around the protocol.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(r.out, "%s\n", strings.TrimSuffix(string(line), "\n"))
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take handles one event.
func (r *report) take(e event) {
	switch {
	case e.Action == "build-output":
		r.build(e.ImportPath).WriteString(e.Output)
	case e.Action == "build-fail":
		fmt.Fprintf(r.out, "%s", r.build(e.ImportPath).String())
	case e.Test != "":
		r.takeTest(e)
	case e.Action == "output":
		r.packageRun(e.Package).output.WriteString(e.Output)
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		r.endPackage(e)
	}
}

// takeTest handles an event of a test.
func (r *report) takeTest(e event) {
	p := r.packageRun(e.Package)
	t := p.tests[e.Test]
	if t == nil {
		t = &testRun{}
		p.tests[e.Test] = t
		p.order = append(p.order, e.Test)
	}
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		t.verdict = e.Action
	}
}

// endPackage counts a package's tests and shows what failed or was skipped. It waits
// until the package's end because only then it is known which tests have subtests,
// and which never ended.
func (r *report) endPackage(e event) {
	p := r.packageRun(e.Package)
	delete(r.packages, e.Package)
	for _, name := range p.order {
		t := p.tests[name]
		if t.verdict == "" {
			t.verdict = "fail" // the process ended under it
		}
	}
	for _, name := range p.order {
		r.count(p, e.Package, name)
	}
	if e.Action == "fail" && p.failed == 0 {
		p.failed = 1 // it does not build, or its TestMain failed
		fmt.Fprintf(r.out, "%s", p.output.String())
	}
	r.passed, r.failed, r.skipped = r.passed+p.passed, r.failed+p.failed, r.skipped+p.skipped
	switch {
	case p.failed > 0:
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs  %s\n", e.Package, e.Elapsed, counts(p.passed, p.failed, p.skipped))
	case len(p.order) > 0:
		fmt.Fprintf(r.out, "ok    %s  %.1fs  %s\n", e.Package, e.Elapsed, counts(p.passed, p.failed, p.skipped))
	}
}

// count adds a test to its package's numbers and shows it if it failed.
func (r *report) count(p *packageRun, pkg, name string) {
	t := p.tests[name]
	if t.verdict == "fail" {
		fmt.Fprintf(r.out, "%s", t.output.String())
	}
	children, failedBelow := p.below(name)
	if children && (t.verdict != "fail" || failedBelow) {
		return
	}
	switch t.verdict {
	case "pass":
		p.passed++
	case "skip":
		p.skipped++
		why := reason(t.output.String())
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", pkg, name, why))
		r.reasons[why]++
	case "fail":
		p.failed++
		if t.output.Len() == 0 {
			fmt.Fprintf(r.out, "%s did not end\n", name)
		}
		// A panic or a time-out speaks through the package.
		if !strings.Contains(t.output.String(), "--- FAIL") {
			fmt.Fprintf(r.out, "%s", p.output.String())
			p.output.Reset()
		}
	}
}

// below says whether a test has subtests, and whether one of them failed.
func (p *packageRun) below(name string) (children, failed bool) {
	for other, t := range p.tests {
		if strings.HasPrefix(other, name+"/") {
			children = true
			failed = failed || t.verdict == "fail"
		}
	}
	return children, failed
}

// place is where in a test something was said.
var place = regexp.MustCompile(`^[^ ]+\.go:\d+: `)

// reason is what a test said when it skipped itself.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, place.ReplaceAllString(line, ""))
		}
	}
	return strings.Join(said, " ")
}

// finish ends packages that never reported, lists the skipped tests and counts.
func (r *report) finish() {
	var open []string
	for name := range r.packages {
		open = append(open, name)
	}
	slices.Sort(open)
	for _, name := range open {
		r.endPackage(event{Action: "fail", Package: name})
	}
	if r.names {
		for _, skip := range r.skips {
			fmt.Fprintf(r.out, "skipped: %s\n", skip)
		}
	} else {
		for _, why := range slices.Sorted(maps.Keys(r.reasons)) {
			fmt.Fprintf(r.out, "skipped %d: %s\n", r.reasons[why], why)
		}
	}
	fmt.Fprintln(r.out, counts(r.passed, r.failed, r.skipped))
}

func counts(passed, failed, skipped int) string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", passed, failed, skipped)
}

func (r *report) packageRun(name string) *packageRun {
	p := r.packages[name]
	if p == nil {
		p = &packageRun{tests: map[string]*testRun{}}
		r.packages[name] = p
	}
	return p
}

func (r *report) build(path string) *strings.Builder {
	b := r.builds[path]
	if b == nil {
		b = &strings.Builder{}
		r.builds[path] = b
	}
	return b
}
