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

// Render writes the table for the results of a run, one per target, and what it says in numbers.
func Render(r *Results) string {
	var b strings.Builder
	kills := 0
	for _, test := range Tests() {
		if strings.HasPrefix(test.Name, "TestCrash/") && r.Passed(test) {
			kills++
		}
	}
	fmt.Fprintf(&b, "\nOne run of `make matrix`, %s: %d kills at the points below, %d rows compared after them.\n", r.Day, kills, r.Compared)
	var targets []string
	for _, p := range Pairs {
		if !slices.Contains(targets, p.Target) {
			targets = append(targets, p.Target)
			renderTarget(&b, r, p.Target)
		}
	}
	return b.String()
}

func renderTarget(b *strings.Builder, r *Results, target string) {
	var pairs []Pair
	for _, p := range Pairs {
		if p.Target == target {
			pairs = append(pairs, p)
		}
	}
	fmt.Fprintf(b, "\n| to %s, from |", target)
	for _, p := range pairs {
		fmt.Fprintf(b, " %s |", p.Source)
	}
	fmt.Fprintf(b, " compared | test |\n|%s\n", strings.Repeat("---|", len(pairs)+3))
	for _, row := range rows() {
		fmt.Fprintf(b, "| %s |", row.fault)
		var names []string
		for _, p := range pairs {
			test, tested := row.tests[p.Name]
			if !tested {
				fmt.Fprintf(b, " %s |", none)
				continue
			}
			fmt.Fprintf(b, " %s |", r.verdict(test, row.result))
			if name := shortName(test, p); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		fmt.Fprintf(b, " %s | `%s` |\n", row.compared, strings.Join(names, "` `"))
	}
	for _, what := range NotTested {
		fmt.Fprintf(b, "| **%s**: %s |%s\n", none, what, strings.Repeat(" "+none+" |", len(pairs))+" | |")
	}
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
	source, _, _ := strings.Cut(p.Name, "+")
	var parts []string
	for part := range strings.SplitSeq(test.Name, "/") {
		if part == p.Name || part == source {
			part = "*"
		}
		parts = append(parts, part)
	}
	return test.Folder + " " + strings.TrimSuffix(strings.Join(parts, "/"), "/*")
}
