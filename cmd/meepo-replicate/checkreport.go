package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// checkReport is all that was found, by side.
type checkReport struct {
	groups []*checkGroup
	known  *state.Snapshot // empty: no run was there; nil: it cannot be read
	// onSchemaChange is what is done about changed tables where their mapping does not say.
	onSchemaChange string
}

// checkSide says what a group of findings is about. The words are those of --json.
type checkSide string

const (
	sideConfig checkSide = "configuration"
	sideState  checkSide = "state"
	sideSource checkSide = "source"
	sideTables checkSide = "tables"
	sideTarget checkSide = "target"
)

type checkGroup struct {
	side     checkSide
	title    string
	findings []checkFinding
}

// checkFinding is a finding with the place of the file that it is about.
type checkFinding struct {
	source.Finding
	at   mappings.Place // nowhere: none
	loss *lossDocument  // of a type that does not keep everything; else nil
}

func (r *checkReport) group(side checkSide, title string) *checkGroup {
	g := &checkGroup{side: side, title: title}
	r.groups = append(r.groups, g)
	return g
}

func (g *checkGroup) add(severity source.Severity, subject, message, fix string) {
	g.addAt(mappings.Place{}, severity, subject, message, fix)
}

func (g *checkGroup) addAt(at mappings.Place, severity source.Severity, subject, message, fix string) {
	g.findings = append(g.findings, checkFinding{Finding: source.Finding{Severity: severity, Subject: subject, Message: message, Fix: fix}, at: at})
}

func (g *checkGroup) take(findings []source.Finding) {
	for _, f := range findings {
		g.add(f.Severity, f.Subject, f.Message, f.Fix)
	}
}

// failed adds an error, each of its parts as a finding.
func (g *checkGroup) failed(subject string, err error) {
	for _, e := range flatten(err) {
		at, message, fix := placedMessage(e)
		g.addAt(at, source.Fatal, subject, message, fix)
	}
}

var severityWords = map[source.Severity]string{source.Note: "note", source.Warning: "warning", source.Fatal: "error"}

// sorted puts the worst first in each group, and counts.
func (r *checkReport) sorted() (count map[source.Severity]int) {
	count = map[source.Severity]int{}
	for _, g := range r.groups {
		slices.SortStableFunc(g.findings, func(a, b checkFinding) int { return int(b.Severity) - int(a.Severity) })
		for _, f := range g.findings {
			count[f.Severity]++
		}
	}
	return count
}

// verdict is a silent error if a run would fail.
func (r *checkReport) verdict() error {
	if r.sorted()[source.Fatal] > 0 {
		return &silentError{exitFailed}
	}
	return nil
}

// print writes the report for people.
func (r *checkReport) print(w io.Writer) error {
	out, count := &lines{w: w}, r.sorted()
	for _, g := range r.groups {
		out.printf("%s\n", g.title)
		if len(g.findings) == 0 {
			out.printf("  ok\n")
		}
		for _, f := range g.findings {
			out.printf("  %-7s  ", severityWords[f.Severity])
			if f.Subject != "" {
				out.printf("%s: ", f.Subject)
			}
			if f.at.Line > 0 {
				out.printf("%s:%d:%d: ", f.at.File, f.at.Line, f.at.Column)
			}
			out.printf("%s\n", f.Message)
			if f.Severity == source.Fatal && f.at.Text != "" {
				out.printf("           %s\n", strings.ReplaceAll(f.at.Excerpt(), "\n", "\n           "))
			}
			if f.Fix != "" {
				out.printf("           what to do: %s\n", f.Fix)
			}
		}
		out.printf("\n")
	}
	out.printf("%d errors, %d warnings, %d notes. Nothing was written.\n", count[source.Fatal], count[source.Warning], count[source.Note])
	return out.err
}

// checkDocument is the report as --json shows it. docs/check.md describes it; keys are added, never changed.
type checkDocument struct {
	Version  int               `json:"version"`
	Findings []findingDocument `json:"findings"`
	Counts   countsDocument    `json:"counts"`
}

type findingDocument struct {
	Side     checkSide      `json:"side"`
	Severity string         `json:"severity"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Fix      string         `json:"fix"`
	Place    *placeDocument `json:"place"`
	Loss     *lossDocument  `json:"loss"`
}

// lossDocument is what a field's type in the target does not keep, and of how many rows that were looked at some value loses by it.
type lossDocument struct {
	From string `json:"from"`
	To   string `json:"to"`
	Rows int    `json:"rows"`
	Seen int    `json:"seen"`
}

type placeDocument struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type countsDocument struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// printJSON writes the report for programs.
func (r *checkReport) printJSON(w io.Writer) error {
	count := r.sorted()
	doc := checkDocument{Version: 1, Findings: []findingDocument{},
		Counts: countsDocument{count[source.Fatal], count[source.Warning], count[source.Note]}}
	for _, g := range r.groups {
		for _, f := range g.findings {
			shown := findingDocument{Side: g.side, Severity: severityWords[f.Severity], Subject: f.Subject, Message: f.Message, Fix: f.Fix, Loss: f.loss}
			if f.at.Line > 0 {
				shown.Place = &placeDocument{f.at.File, f.at.Line, f.at.Column}
			}
			doc.Findings = append(doc.Findings, shown)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// grouped prints a number with its thousands apart: 1,203,331.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
