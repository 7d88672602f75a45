package matrix

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Results is what a run of the tests said.
type Results struct {
	Day      string // of the run, for people
	Compared int64  // rows that the kills' tests compared

	verdicts map[Test]string // pass, fail or skip
}

// Passed reports whether a test has passed.
func (r *Results) Passed(t Test) bool { return r.verdicts[t] == "pass" }

// Missing lists the tests of the matrix that have not passed.
func (r *Results) Missing() []Test {
	var missing []Test
	for _, test := range Tests() {
		if !r.Passed(test) {
			missing = append(missing, test)
		}
	}
	return missing
}

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action, Package, Test, Output, Key, Value string
}

// Read takes in the events of "go test -json". It tells progress of each test and package that has
// ended, and what one that failed had said: the process of a package may end under its tests.
func Read(events io.Reader, module, day string, progress io.Writer) (*Results, error) {
	r := &Results{Day: day, verdicts: map[Test]string{}}
	said := map[Test]*strings.Builder{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		test := Test{strings.TrimPrefix(e.Package, module+"/"), e.Test}
		switch e.Action {
		case "output":
			if said[test] == nil {
				said[test] = &strings.Builder{}
			}
			said[test].WriteString(e.Output)
		case "attr":
			if e.Key != "compared" || !strings.HasPrefix(e.Test, "TestCrash/") {
				continue
			}
			n, err := strconv.ParseInt(e.Value, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read results: rows that %s compared: %w", e.Test, err)
			}
			r.Compared += n
		case "pass", "fail", "skip":
			r.verdicts[test] = e.Action
			fmt.Fprintf(progress, "%s %s %s\n", e.Action, test.Folder, e.Test)
			if e.Action == "fail" {
				tell(progress, said, test)
			}
			delete(said, test)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	return r, nil
}

// tell writes what a test had said; of a package, also what its tests had said that did not end.
func tell(w io.Writer, said map[Test]*strings.Builder, failed Test) {
	for test, text := range said {
		if test == failed || failed.Name == "" && test.Folder == failed.Folder {
			fmt.Fprintf(w, "%s %s:\n%s\n", test.Folder, test.Name, text)
		}
	}
}
