package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// eventWriter writes events as lines.
type eventWriter struct {
	out    *bufio.Writer
	plain  bool
	log    *slog.Logger
	tables []source.Table // there at the start
	held   heldEvents
}

func newEventWriter(w io.Writer, format string, log *slog.Logger) *eventWriter {
	return &eventWriter{out: bufio.NewWriterSize(w, 64<<10), plain: format == "plain", log: log}
}

// writeBatch writes a batch's events and flushes, so that whoever reads them sees them now. Those of an
// XA transaction are written when it commits.
func (w *eventWriter) writeBatch(batch source.Batch, from source.Position) error {
	for _, e := range batch.Events {
		write := w.write
		if e.XID != "" {
			write = w.writeHeld
		}
		if err := write(e, from, batch.Time); err != nil {
			return err
		}
	}
	if batch.Position != "" {
		w.held.passed()
	}
	return w.out.Flush()
}

func (w *eventWriter) write(e source.Event, from source.Position, at time.Time) error {
	line, err := w.line(e, from, at)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(line, '\n'))
	return err
}

// writeHeld writes what an XA transaction has changed if e is its commit: with the position before its
// prepare, from which all of it comes again. Of one that nobody saw being prepared, every table has a gap.
func (w *eventWriter) writeHeld(e source.Event, from source.Position, at time.Time) error {
	committed, known, err := w.held.take(e, from)
	if err != nil {
		return err
	}
	if !known {
		w.log.Warn("an XA transaction has committed that was prepared before the first event: what it has changed is unknown", "xid", e.XID)
		committed = &heldTransaction{from: from}
		for _, t := range w.tables {
			committed.events = append(committed.events, source.Event{Action: source.Gap, Table: t})
		}
	}
	if committed == nil {
		return nil
	}
	for _, e := range committed.events {
		if err := w.write(e, committed.from, at); err != nil {
			return err
		}
	}
	return nil
}

// eventLine is an event as JSON shows it.
type eventLine struct {
	Event    string          `json:"event"`
	Table    string          `json:"table"`
	Action   string          `json:"action"`
	Key      any             `json:"key,omitempty"`
	To       string          `json:"to,omitempty"`
	Position source.Position `json:"position"`
	Time     string          `json:"time,omitempty"`
}

func (w *eventWriter) line(e source.Event, from source.Position, at time.Time) ([]byte, error) {
	line := eventLine{
		Event: e.Table.Name + "_" + e.Action.String(), Table: e.Table.String(), Action: e.Action.String(), Position: from,
	}
	if !at.IsZero() {
		line.Time = at.UTC().Format(time.RFC3339Nano)
	}
	if !e.To.IsZero() {
		line.To = e.To.String()
	}
	if e.Action.OfRow() {
		values, err := e.Key.Values()
		if err != nil {
			return nil, fmt.Errorf("event of %s: %w", e.Table, err)
		}
		line.Key = jsonKey(values)
	}
	if w.plain {
		return []byte(plainLine(e, line)), nil
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return nil, fmt.Errorf("event of %s: %w", e.Table, err)
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}

// jsonKey is a key as JSON shows it: the value of a single column, an array of several.
func jsonKey(values []source.Value) any {
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			values[i] = fmt.Sprintf("0x%x", b)
		}
	}
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// oneLine keeps a text with line ends in it on one line.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`)

func plainLine(e source.Event, line eventLine) string {
	switch {
	case e.Action.OfRow():
		return oneLine.Replace(line.Event + " " + e.Key.Text())
	case line.To != "":
		return oneLine.Replace(line.Event + " " + line.To)
	}
	return oneLine.Replace(line.Event)
}
