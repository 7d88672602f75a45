package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The marks in README between which the table stands.
const (
	Begin = "<!-- matrix:begin -->"
	End   = "<!-- matrix:end -->"
)

// none is a cell without a test.
const none = "not tested"

// row is one line of the table.
type row struct {
	fault, compared, result string
	tests                   map[string]Test
}

// rows are the kills, then the proofs.
func rows() []row {
	var all []row
	for _, k := range Kills {
		tests := map[string]Test{}
		for _, p := range Pairs {
			if k.On(p) {
				tests[p.Name] = Test{e2e, "TestCrash/" + k.Name + "/" + p.Name}
			}
		}
		all = append(all, row{fmt.Sprintf("killed, %s: %s", k.Scene, k.Place), everyField + "; dead letters", "equal", tests})
	}
	for _, p := range Proofs {
		all = append(all, row{p.Fault, p.Compared, p.Result, p.Tests})
	}
	return all
}

// Tests are all tests of the matrix, in order.
func Tests() []Test {
	seen := map[Test]bool{}
	for _, r := range rows() {
		for _, test := range r.tests {
			seen[test] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b Test) int {
		return strings.Compare(a.Folder+" "+a.Name, b.Folder+" "+b.Name)
	})
}

// Render writes the table for the results of a run, a column per target, and what it says in numbers. A cell is of all
// sources, unless it names some.
func Render(r *Results) string {
	var b strings.Builder
	kills := 0
	for _, test := range Tests() {
		if strings.HasPrefix(test.Name, "TestCrash/") && r.Passed(test) {
			kills++
		}
	}
	fmt.Fprintf(&b, "\nOne run of `make matrix`, %s: %d kills at the points below, %d rows compared after them.\n\n", r.Day, kills, r.Compared)
	var targets []string
	for _, p := range Pairs {
		if !slices.Contains(targets, p.Target) {
			targets = append(targets, p.Target)
			fmt.Fprintf(&b, "- To %s, from %s.\n", p.Target, sources(p.Target))
		}
	}
	fmt.Fprintf(&b, "\n| | %s | compared | test |\n|%s\n", strings.Join(targets, " | "), strings.Repeat("---|", len(targets)+3))
	for _, row := range rows() {
		var cells, names []string
		for _, target := range targets {
			cells = append(cells, r.cell(row, target))
		}
		for _, p := range Pairs {
			if test, tested := row.tests[p.Name]; tested && !slices.Contains(names, shortName(test, p)) {
				names = append(names, shortName(test, p))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", row.fault, strings.Join(cells, " | "), row.compared, strings.Join(names, "` `"))
	}
	for _, what := range NotTested {
		fmt.Fprintf(&b, "| **%s**: %s |%s | |\n", none, what, strings.Repeat(" "+none+" |", len(targets)))
	}
	return b.String()
}

// sources lists those of a target, by the names that cells have for them.
func sources(target string) string {
	var list []string
	for _, p := range Pairs {
		if p.Target == target {
			list = append(list, fmt.Sprintf("%s (%s)", p.source(), p.Source))
		}
	}
	return strings.Join(list, ", ")
}

// cell is a row's results of one target: what all its sources have in common, or the sources of each result.
func (r *Results) cell(row row, target string) string {
	var verdicts []string
	from, pairs := map[string][]string{}, 0
	for _, p := range Pairs {
		if p.Target != target {
			continue
		}
		pairs++
		if test, tested := row.tests[p.Name]; tested {
			v := r.verdict(test, row.result)
			if from[v] == nil {
				verdicts = append(verdicts, v)
			}
			from[v] = append(from[v], p.source())
		}
	}
	switch {
	case len(verdicts) == 0:
		return none
	case len(from[verdicts[0]]) == pairs:
		return verdicts[0]
	}
	for i, v := range verdicts {
		verdicts[i] = v + " (" + strings.Join(from[v], ", ") + ")"
	}
	return strings.Join(verdicts, "; ")
}

// verdict is a cell of the table.
func (r *Results) verdict(test Test, passed string) string {
	switch r.verdicts[test] {
	case "pass":
		return passed
	case "":
		return "**did not run**"
	}
	return "**" + r.verdicts[test] + "**"
}

// shortName is a test's name with its folder, up to the part that names the pair.
func shortName(test Test, p Pair) string {
	var parts []string
	for part := range strings.SplitSeq(test.Name, "/") {
		if part == p.Name || part == p.source() {
			part = "*"
		}
		parts = append(parts, part)
	}
	return test.Folder + " " + strings.TrimSuffix(strings.Join(parts, "/"), "/*")
}
