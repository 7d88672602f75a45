package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/compare"
	"github.com/meepo-replicate/meepo/targets"
)

// outlined is one call of plan.
type outlined struct {
	comparing
	how planFlags
}

// planDocument is what plan --json prints.
type planDocument struct {
	At       string        `json:"at"`
	Changes  int64         `json:"changes"` // documents that would be created, updated or removed
	Sampled  float64       `json:"sampled"` // share of the tables that was looked at; 1: all
	Seconds  float64       `json:"seconds"`
	Mappings []planMapping `json:"mappings"`
	DDL      string        `json:"ddl,omitempty"` // what would be made in an empty target
	Refused  []planRefusal `json:"refused,omitempty"`
}

// planMapping is what a copy would do for one table.
type planMapping struct {
	Plan        mappings.PlanID   `json:"mapping"`
	Table       string            `json:"table"`
	Destination string            `json:"destination"`
	Rows        int64             `json:"rows"`       // that were read
	TableRows   int64             `json:"table_rows"` // about how many there are; negative: unknown
	Create      int64             `json:"create"`
	Update      int64             `json:"update"`
	Fields      map[string]int64  `json:"update_fields,omitempty"`
	Delete      int64             `json:"delete"`
	Unchanged   int64             `json:"unchanged"`
	Left        int64             `json:"not_meant"` // rows that the mapping does not take
	Reject      int64             `json:"reject"`
	Moving      int64             `json:"unsettled,omitempty"`
	Foreign     int64             `json:"foreign"`   // documents that no row of the table can have made: left alone
	Documents   int64             `json:"documents"` // that were listed in the target
	Losses      []planLoss        `json:"losses,omitempty"`
	Samples     []compare.Finding `json:"samples,omitempty"`
	// Seconds is about how long it takes to read and map the whole table at the rate of this look; what the target
	// takes to write comes on top. 0: unknown.
	Seconds float64 `json:"read_seconds"`
}

// planLoss is something that the target does not keep.
type planLoss struct {
	Field   string `json:"field"`
	Type    string `json:"type"`
	Message string `json:"message"`
	Change  string `json:"change,omitempty"` // what the mapping can say
}

// planRefusal is why a run would not begin, or not work for long.
type planRefusal struct {
	Subject string `json:"subject"`
	Message string `json:"message"`
	Fix     string `json:"what_to_do,omitempty"`
}

// document puts together what was found.
func (o *outlined) document(ctx context.Context) (planDocument, error) {
	took := time.Since(o.began).Seconds()
	d := planDocument{At: string(o.result.At), Sampled: 1, Seconds: took, Changes: o.result.Wrong()}
	if o.share > 0 {
		d.Sampled = o.share
	}
	var read int64
	for _, plan := range o.sides.plans {
		read += o.result.Reports[plan.ID()].Rows
	}
	teller, _ := o.sides.target.(targets.LossTeller)
	var dests []*targets.Destination
	for _, plan := range o.sides.plans {
		r := o.result.Reports[plan.ID()]
		m := planMapping{Plan: plan.ID(), Table: plan.Table().String(), Destination: plan.Destination().Name, Rows: r.Rows, TableRows: o.sides.rows[plan.Table()],
			Create: r.Missing, Update: r.Different, Fields: r.Fields, Delete: r.Orphans + r.Excluded, Unchanged: r.Equal, Left: r.Left, Reject: r.Rejected,
			Moving: r.Unsettled, Foreign: r.Foreign, Documents: r.Documents, Samples: o.samplesOf(plan.ID())}
		if read > 0 && m.TableRows > 0 && took > 0.5 {
			m.Seconds = float64(m.TableRows) * took / float64(read)
		}
		if teller != nil {
			for _, loss := range teller.Losses(plan.Destination()) {
				if !loss.Rare {
					m.Losses = append(m.Losses, planLoss{loss.Field.Name, loss.Type, loss.Message, loss.Change})
				}
			}
		}
		d.Mappings = append(d.Mappings, m)
		dests = append(dests, plan.Destination())
	}
	found, err := o.sides.target.Check(ctx, onceEach(dests))
	if err != nil {
		return d, err
	}
	for _, f := range found {
		if f.Severity == targets.Fatal {
			d.Refused = append(d.Refused, planRefusal{f.Subject, f.Message, f.Fix})
		}
	}
	d.DDL, err = o.c.targetKind().ddl(o.c, onceEach(dests))
	return d, err
}

// samplesOf are the first findings of each kind.
func (o *outlined) samplesOf(plan mappings.PlanID) []compare.Finding {
	var list []compare.Finding
	seen := map[compare.Kind]int{}
	for _, f := range o.findings {
		if f.Plan == plan && seen[f.Kind] < o.how.samples {
			seen[f.Kind]++
			list = append(list, f)
		}
	}
	return list
}

// print writes the document for people.
func (d *planDocument) print(w io.Writer, o *outlined, colors palette) error {
	var out strings.Builder
	for _, m := range d.Mappings {
		fmt.Fprintf(&out, "%s  (%s -> %s)\n", m.Plan, m.Table, m.Destination)
		of := ""
		if d.Sampled < 1 {
			of = " of about " + grouped(m.TableRows) + " that were looked at"
		}
		fmt.Fprintf(&out, "  create %s, update %s%s, delete %s, unchanged %s, reject %s; %s%s", grouped(m.Create), grouped(m.Update), fieldsText(m.Fields),
			grouped(m.Delete), grouped(m.Unchanged), grouped(m.Reject), count(m.Rows, "row"), of)
		if m.Left > 0 {
			fmt.Fprintf(&out, ", %s not meant", grouped(m.Left))
		}
		if m.Foreign > 0 {
			fmt.Fprintf(&out, "; %s of nobody's key stay", count(m.Foreign, "document"))
		}
		out.WriteByte('\n')
		for _, f := range m.Samples {
			out.WriteString(changeText(f, colors))
		}
		for _, loss := range m.Losses {
			fmt.Fprintf(&out, "  keeps not all  %s -> %s: %s", loss.Field, loss.Type, loss.Message)
			if loss.Change != "" {
				fmt.Fprintf(&out, "  (%s: {%s})", loss.Field, loss.Change)
			}
			out.WriteByte('\n')
		}
		if m.Seconds > 0 {
			fmt.Fprintf(&out, "  a copy takes at least %s, at the rate of this look, and what the target takes to write\n",
				(time.Duration(m.Seconds * float64(time.Second))).Round(time.Second/10))
		}
	}
	for _, r := range d.Refused {
		out.WriteString(colors.red("refused  "+r.Subject+": "+r.Message) + "\n")
		if r.Fix != "" {
			out.WriteString("  what to do: " + r.Fix + "\n")
		}
	}
	if o.how.ddl {
		out.WriteString("\nwould be made in an empty target:\n" + d.DDL + "\n")
	}
	fmt.Fprintf(&out, "%s would change, as of %s. Nothing was written.\n", count(d.Changes, "document"), d.At)
	if d.Sampled < 1 {
		fmt.Fprintf(&out, "%g%% of each table was looked at, and as many documents: what there is in the rest is not known\n", 100*d.Sampled)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// changeText shows a finding as what would be done about it.
func changeText(f compare.Finding, colors palette) string {
	key := printable(f.KeyText)
	switch f.Kind {
	case compare.Missing:
		return colors.green("  + "+key) + "\n"
	case compare.Orphan:
		return colors.red("  - "+key) + "\n"
	case compare.Different:
		text := colors.yellow("  ~ "+key) + "\n"
		for _, d := range f.Differences {
			text += "      " + printable(d.Field) + ": " + colors.red(printable(orNothing(d.Have))) + " -> " + colors.green(printable(orNothing(d.Want))) + "\n"
		}
		return text
	case compare.Rejected:
		return colors.red("  ! "+key+": "+printable(f.Reason)) + "\n"
	}
	return "  ? " + key + ": it changed at every look\n"
}

// palette colours text on a terminal.
type palette bool

func paletteOf(w io.Writer) palette {
	f, ok := w.(*os.File)
	return palette(ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "")
}

func (p palette) red(text string) string    { return p.paint("31", text) }
func (p palette) green(text string) string  { return p.paint("32", text) }
func (p palette) yellow(text string) string { return p.paint("33", text) }

func (p palette) paint(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
