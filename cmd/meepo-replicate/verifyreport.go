package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/compare"
)

// verifyDocument is what --json prints.
type verifyDocument struct {
	Equal    bool              `json:"equal"`
	At       string            `json:"at"`       // the source's position at which it holds
	Followed bool              `json:"followed"` // a run was on the state file, and was waited for
	Seconds  float64           `json:"seconds"`
	Mappings []verifiedMapping `json:"mappings"`
	Findings []compare.Finding `json:"findings"`
	Left     int64             `json:"findings_left_out"`
}

type verifiedMapping struct {
	Plan        mappings.PlanID `json:"mapping"`
	Table       string          `json:"table"`
	Destination string          `json:"destination"`
	compare.Report
}

func (v *verification) document() verifyDocument {
	d := verifyDocument{Equal: v.result.Wrong() == 0, At: string(v.result.At), Followed: v.followed, Seconds: time.Since(v.began).Seconds(),
		Findings: append([]compare.Finding{}, v.findings...), Left: v.dropped}
	for _, plan := range v.sides.plans {
		d.Mappings = append(d.Mappings, verifiedMapping{plan.ID(), plan.Table().String(), plan.Destination().Name, v.result.Reports[plan.ID()]})
	}
	return d
}

// print writes the report for people.
func (v *verification) print(w io.Writer) error {
	var out strings.Builder
	var looked int64
	for _, plan := range v.sides.plans {
		r := v.result.Reports[plan.ID()]
		looked += r.Rows + r.Documents
		fmt.Fprintf(&out, "%s  (%s -> %s)\n  %s\n", plan.Name(), plan.Table(), plan.Destination().Name, countsText(r))
		v.samples(&out, plan.ID())
	}
	took := time.Since(v.began)
	fmt.Fprintf(&out, "holds at %s; %s, %s rows and documents per second\n", v.result.At, took.Round(100*time.Millisecond),
		grouped(int64(float64(looked)/max(took.Seconds(), 0.001))))
	if wrong := v.result.Wrong(); wrong > 0 {
		fmt.Fprintf(&out, "%s differ\n", count(wrong, "document"))
		if !v.how.repair {
			out.WriteString("next      the same command with --repair\n")
		}
	} else {
		out.WriteString("equal\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// countsText is a report in one line.
func countsText(r compare.Report) string {
	parts := []string{count(r.Rows, "row"), grouped(r.Equal) + " equal"}
	for _, n := range []struct {
		count int64
		text  string
	}{
		{r.Left, "not meant"}, {r.Missing, "missing"}, {r.Different, "different" + fieldsText(r.Fields)}, {r.Orphans, "without a row"},
		{r.Excluded, "whose row does not meet where"}, {r.Rejected, "rejected"}, {r.Unsettled, "never at rest"}, {r.Foreign, "of nobody's key"},
	} {
		if n.count > 0 {
			parts = append(parts, grouped(n.count)+" "+n.text)
		}
	}
	return strings.Join(parts, ", ")
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// fieldsText lists fields by how often they differ.
func fieldsText(fields map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		if fields[a] != fields[b] {
			return int(fields[b] - fields[a])
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %s", name, grouped(fields[name])))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + joinSome(parts) + ")"
}

// samples shows the first findings of each kind.
func (v *verification) samples(out *strings.Builder, plan mappings.PlanID) {
	for _, kind := range []compare.Kind{compare.Missing, compare.Different, compare.Orphan, compare.Rejected, compare.Unsettled} {
		shown := 0
		for _, f := range v.findings {
			if f.Plan != plan || f.Kind != kind {
				continue
			}
			if shown++; shown > v.how.samples {
				break
			}
			fmt.Fprintf(out, "    %-9s %s%s\n", kind, printable(f.KeyText), findingText(f))
		}
	}
}

func findingText(f compare.Finding) string {
	if f.Reason != "" {
		return ": " + printable(f.Reason)
	}
	var parts []string
	for _, d := range f.Differences {
		parts = append(parts, fmt.Sprintf("%s %s, should be %s", d.Field, orNothing(d.Have), orNothing(d.Want)))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + printable(joinSome(parts))
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
