package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// ScanIDs goes through the table by its key. The cursor is the last key's texts, as the server reads them.
func (t *Target) ScanIDs(ctx context.Context, dest string, after targets.Cursor, limit int) ([]targets.ID, targets.Cursor, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	plan, err := t.planOf(ctx, dest)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, err)
	}
	var last []string
	if after != "" {
		if err := json.Unmarshal([]byte(after), &last); err != nil || len(last) != plan.keys {
			return nil, "", fmt.Errorf("scan %s: %w", dest, targets.ErrCursor)
		}
	}
	query, args := plan.scan(last, limit)
	rows, err := t.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, missing(err))
	}
	pages, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		if hasCode(err, "22P02", "22007", "22008", "22003") {
			err = targets.ErrCursor // it is none of ours
		}
		return nil, "", fmt.Errorf("scan %s: %w", dest, missing(err))
	}
	ids := make([]targets.ID, len(pages))
	for i, raw := range pages {
		ids[i] = plan.id(raw)
	}
	if len(ids) < limit {
		return ids, "", nil
	}
	next, err := json.Marshal(pages[len(pages)-1])
	return ids, targets.Cursor(next), err
}

// planOf returns the layout of a destination that was prepared.
func (t *Target) planOf(ctx context.Context, dest string) (*table, error) {
	d := t.destination(dest)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.prepared != nil {
		return t.plan(d, d.prepared)
	}
	found, err := t.look(ctx, dest)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("the table is not there: %w", targets.ErrReplaced)
	}
	if d.known != nil {
		return t.layout(d.known, found)
	}
	return nil, fmt.Errorf("table %s has not been prepared", dest)
}

// layout is that of a destination which nobody has prepared.
func (t *Target) layout(dest *targets.Destination, found *existingTable) (*table, error) {
	made, err := newTable(dest, t.config.versionColumn(dest))
	if err == nil {
		made.compile(found.columns)
	}
	return made, err
}

// scan is the query for a page, and its parameters.
func (t *table) scan(last []string, limit int) (string, []any) {
	var names, texts, holders []string
	args := []any{limit}
	for i, c := range t.columns[:t.keys] {
		name := quote(c.field.Name)
		names, texts = append(names, name), append(texts, name+"::text")
		if last != nil {
			args = append(args, last[i])
			holders = append(holders, fmt.Sprintf("$%d::text::%s", i+2, c.typ))
		}
	}
	list := strings.Join(names, ", ")
	where := ""
	if last != nil {
		where = " WHERE (" + list + ") > (" + strings.Join(holders, ", ") + ")"
	}
	return "SELECT ARRAY[" + strings.Join(texts, ", ") + "] FROM " + quoteTable(t.dest.Name) + where + " ORDER BY " + list + " LIMIT $1", args
}

// id makes a document's id of the key's columns, as the server prints them.
func (t *table) id(raw []string) targets.ID {
	parts := make([]string, len(raw))
	for i, text := range raw {
		parts[i] = keyText(t.columns[i], text)
	}
	return targets.JoinID(parts...)
}

// keyText is the text that the source has of a key's value, of what the server prints.
func keyText(c column, text string) string {
	switch c.want.name {
	case "bytea":
		return strings.TrimPrefix(text, `\x`)
	case "timestamp without time zone", "timestamp with time zone":
		day, clock, ok := strings.Cut(text, " ")
		if !ok {
			return text // infinity
		}
		clock, era, before := strings.Cut(clock, " ")
		clock, zoned := strings.CutSuffix(clock, "+00")
		if !fromPostgres(c.field) {
			clock = padded(clock, c.field.Scale)
		}
		if zoned {
			clock += "Z"
		}
		if before {
			clock += " " + era
		}
		return day + "T" + clock
	}
	return text
}

// padded gives a time all its fractional digits, as MySQL prints them.
func padded(clock string, scale int) string {
	whole, fraction, _ := strings.Cut(clock, ".")
	if scale == 0 {
		return whole
	}
	return whole + "." + fraction + strings.Repeat("0", max(0, scale-len(fraction)))
}
