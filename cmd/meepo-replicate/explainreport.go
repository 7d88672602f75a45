package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/targets"
)

// judge sums up.
func (e *explained) judge(plan *mappings.Plan) {
	again := fmt.Sprintf("meepo-replicate verify %s --key %s --repair", e.Table, e.keyText())
	switch {
	case e.Now.Letter != nil && e.Change != targets.Same.String():
		e.Verdict = "it is a dead letter: " + e.Now.Letter.Reason
		e.Advice = "mend the row, the mapping or the target, then meepo-replicate deadletters retry " + e.keyText()
	case e.Failed != "":
		e.Verdict, e.Advice = "no document can be made of the row: "+e.Failed, "mend the row or the mapping"
	case e.Row == nil && e.Stored == nil:
		e.Verdict = "there is no row with this key, and no document: as it should be"
	case e.Row == nil && e.Change == targets.Same.String():
		e.Verdict = "the row is gone, and its document is marked: as it should be"
	case e.Row == nil:
		e.Verdict, e.Advice = "there is no row with this key, and its document is there: an orphan", again
	case !e.Meant && e.Change == targets.Same.String():
		e.Verdict = "the row does not meet the mapping's where, and has no document: as it should be"
	case !e.Meant:
		e.Verdict, e.Advice = "the row does not meet the mapping's where, and its document is there all the same", again
	case e.Change == targets.Same.String():
		e.Verdict = "the document is what the row makes"
	case e.Change == targets.Create.String():
		e.Verdict, e.Advice = "there is a row, and no document", again
	default:
		e.Verdict, e.Advice = fmt.Sprintf("the document differs in %s", fieldNames(e.Differences)), again
	}
	if e.Change == targets.Same.String() || e.Now.Letter != nil {
		return
	}
	switch {
	case e.Now.Parked != "":
		e.Verdict += "; mapping " + plan.Name() + " is parked: " + e.Now.Parked
		e.Advice = "meepo-replicate resume " + plan.Name()
	case e.Now.State == replicate.KeyWaiting, e.Now.State == replicate.KeyInFlight, e.Now.State == replicate.KeyAgain:
		e.Verdict, e.Advice = e.Verdict+"; the run knows, the key is "+e.Now.State, ""
	case e.Now.State == "being copied":
		e.Verdict += "; its table is being copied, so it may only not have come yet"
	case !e.Now.Run:
		e.Verdict += "; no run is on the state file, so it may only not have come yet"
	}
}

func (e *explained) keyText() string {
	parts := make([]string, len(e.Key))
	for i, part := range e.Key {
		parts[i] = fmt.Sprint(part.Value)
	}
	return strings.Join(parts, ",")
}

func fieldNames(differences []targets.Difference) string {
	var names []string
	for _, d := range differences {
		names = append(names, d.Field)
	}
	return joinSome(names)
}

// print writes it for people.
func (e *explained) print(w io.Writer) error {
	var out strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&out, "%-10s%s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	line("mapping", "%s  (%s -> %s)", e.Plan, e.Table, e.Destination)
	for _, part := range e.Key {
		line("key", "%s = %v  (%s)", part.Column, part.Value, part.Type)
	}
	e.printRow(line)
	if e.Where != "" && e.Row != nil && e.Failed == "" {
		met := "met"
		if !e.Meant {
			met = "not met"
		}
		line("where", "%s: %s", e.Where, met)
	}
	for i, field := range e.Document {
		name := ""
		if i == 0 {
			name = "should be"
		}
		rule := field.From
		for _, step := range field.Steps {
			rule += ", " + step
		}
		if field.As != "" {
			rule += ", as " + field.As
		}
		line(name, "%s: %s    by %s", field.Field, jsonText(field.Value), rule)
	}
	e.printStored(line)
	for i, d := range e.Differences {
		name := ""
		if i == 0 {
			name = "differs"
		}
		line(name, "%s: %s, should be %s", d.Field, orNothing(d.Have), orNothing(d.Want))
	}
	e.printNow(line)
	line("so", "%s", e.Verdict)
	if e.Advice != "" {
		line("", "what to do: %s", e.Advice)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (e *explained) printRow(line func(name, format string, args ...any)) {
	if e.Row == nil {
		line("row", "none")
	}
	for i, value := range e.Row {
		name := ""
		if i == 0 {
			name = "row"
		}
		shown := jsonText(value.Value)
		if value.Masked {
			shown = "(masked)"
		}
		line(name, "%s = %s", value.Column, shown)
	}
}

func (e *explained) printStored(line func(name, format string, args ...any)) {
	if e.Stored == nil {
		line("stored", "none, under the id %q", string(e.ID))
		return
	}
	version := ""
	if e.Version > 0 {
		version = fmt.Sprintf(", version %d", e.Version)
	}
	line("stored", "under the id %q%s: %s", string(e.ID), version, targets.Shorten(compactJSON(e.Stored)))
}

func (e *explained) printNow(line func(name, format string, args ...any)) {
	switch {
	case e.Now.Letter != nil:
		l := e.Now.Letter
		line("now", "dead letter since %s, tried %d times: %s", l.At.Format("2006-01-02 15:04:05"), l.Tries, l.Reason)
	case e.Now.Saved == "":
		line("now", "%s: there is no saved position", e.Now.State)
	default:
		run := "no run is on the state file"
		if e.Now.Run {
			run = "a run is on the state file"
		}
		line("now", "%s; %s, saved is %s", e.Now.State, run, e.Now.Saved)
		if last := e.Now.Last; last != nil {
			line("", "last write: %s, version %d, %s ago", last.Verb, last.Version, time.Since(last.At).Round(time.Millisecond))
		}
	}
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return targets.Shorten(string(text))
}

func compactJSON(text json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return string(text)
	}
	return out.String()
}
