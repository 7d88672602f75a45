package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// eventWriter writes events as lines.
type eventWriter struct {
	out   *bufio.Writer
	plain bool
}

func newEventWriter(w io.Writer, format string) *eventWriter {
	return &eventWriter{out: bufio.NewWriterSize(w, 64<<10), plain: format == "plain"}
}

// writeBatch writes a batch's events and flushes, so that whoever reads them sees them now.
func (w *eventWriter) writeBatch(batch source.Batch, from source.Position) error {
	for _, e := range batch.Events {
		line, err := w.line(e, from, batch.Time)
		if err != nil {
			return err
		}
		if _, err := w.out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return w.out.Flush()
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
