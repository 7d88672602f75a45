package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vbauerster/mpb/v8"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
)

var started = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// scripted is a monitor whose run has reached the given statuses after 0, 10, 20… seconds.
func scripted(w io.Writer, statuses ...replicate.Status) (*monitor, []view) {
	var present replicate.Status
	m := newMonitor(func() replicate.Status { return present }, newLogger(w, &config{LogFormat: "text", LogLevel: "info"}), &redirect{to: w})
	var views []view
	for i, s := range statuses {
		present = s
		views = append(views, m.look(started.Add(time.Duration(10*i)*time.Second)))
	}
	return m, views
}

func copying(rows int64) replicate.Status {
	return replicate.Status{Backfilling: true, Lag: 1234 * time.Millisecond, Events: rows / 10, Position: "p", Plans: []replicate.PlanStatus{
		{Name: "shop.done", Table: source.Table{Schema: "shop", Name: "done"}, Rows: 70, Total: 100, Done: true},
		{Name: "orders", Table: source.Table{Schema: "shop", Name: "orders"}, Rows: rows, Total: 10_000},
	}}
}

func TestMonitor_Lines(t *testing.T) {
	following := replicate.Status{Events: 150, Position: "q", Lag: 90500 * time.Millisecond, DeadLetters: 3, Plans: []replicate.PlanStatus{{Name: "x", Done: true}}}
	var out bytes.Buffer
	m, views := scripted(&out, replicate.Status{}, copying(0), copying(1000), following)
	for _, v := range views {
		m.line(v)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), "level=INFO ")
		got = append(got, text)
	}
	want := []string{
		`msg=copying tables=1/2 rows=70 of_about=10070 rows_per_second=0 eta=unknown lag=1.2s changes=0 dead_letters=0`,
		`msg=copying tables=1/2 rows=1070 of_about=10070 rows_per_second=100 eta=1m30s lag=1.2s changes=100 dead_letters=0`,
		`msg=following lag=1m31s changes_per_second=7 changes=150 position=q dead_letters=3`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBars_TextsAndEnd(t *testing.T) {
	_, views := scripted(io.Discard, copying(0), copying(1000), copying(20_000))
	last := views[2]
	last.tables = append([]tableView{}, last.tables...)
	last.tables[1].done = true
	var drawn bytes.Buffer
	drawing := mpb.New(mpb.WithOutput(&drawn), mpb.ForceAutoRefresh(), mpb.WithWidth(120), mpb.PopCompletedMode())
	b := newBars(drawing)
	for _, v := range views {
		b.show(v)
	}
	b.close(last)
	text := drawn.String()
	for _, want := range []string{"orders (shop.orders)", "20,000 rows, done"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not drawn:\n%q", want, text)
		}
	}
	if strings.Contains(text, "shop.done") {
		t.Error("a bar is drawn for a table that was copied before")
	}
	if got, want := tableText(views[1].tables[1]), "10 %  1,000 of about 10,000 rows  100/s  1m30s left"; got != want {
		t.Errorf("bar: %s", got)
	}
	if got, want := tableText(views[2].tables[1]), "100 %  20,000 of about 20,000 rows  1,238/s"; got != want {
		t.Errorf("bar beyond its estimate: %s", got)
	}
	if got, want := statusText(views[1]), "copying 1 of 2 tables, following  lag 1.2s · 10 changes/s · dead letters 0"; got != want {
		t.Errorf("status line: %s", got)
	}
}

func TestRedirect_LogLinesGoAboveBars(t *testing.T) {
	var a, b bytes.Buffer
	r := &redirect{to: &a}
	log := newLogger(r, &config{LogFormat: "json", LogLevel: "warn"})
	log.Warn("one")
	if before := r.swap(&b); before != &a || r.end() != &b {
		t.Error("swap is wrong")
	}
	log.Info("too low")
	log.Warn("two")
	if !strings.Contains(a.String(), `"one"`) || !strings.Contains(b.String(), `"two"`) || strings.Contains(a.String()+b.String(), "low") {
		t.Errorf("%s%s", &a, &b)
	}
}
