package postgres

import (
	"context"
	_ "embed"
	"encoding/json"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// Triggers is the SQL that has a database's log tell of changes of its tables' definitions, in order with its
// rows. Without it they are looked for every few seconds.
//
//go:embed ddl.sql
var Triggers string

// ddlPrefix is that of the triggers' messages.
const ddlPrefix = "meepo_ddl"

// told is such a message.
type told struct {
	Action   string `json:"action"`
	ID       uint32 `json:"id"`
	Schema   string `json:"schema"`
	Name     string `json:"name"`
	ToSchema string `json:"to_schema"`
	ToName   string `json:"to_name"`
}

var toldActions = map[string]source.Action{
	"create": source.Create, "alter": source.Alter, "drop": source.Drop, "rename": source.Rename, "gap": source.Gap,
}

// said takes in a message that somebody has put into the log.
func (d *decoder) said(ctx context.Context, p *pglogrepl.LogicalDecodingMessage) error {
	if p.Prefix != ddlPrefix {
		return nil
	}
	var t told
	if err := json.Unmarshal(p.Content, &t); err != nil {
		d.src.log.Warn("a message in the log is not one of our triggers, though it is called so", "error", err)
		return nil
	}
	e := source.Event{Action: toldActions[t.Action], Table: source.Table{Schema: t.Schema, Name: t.Name}}
	if e.Action == source.Rename {
		e.To = source.Table{Schema: t.ToSchema, Name: t.ToName}
	}
	if e.Action != 0 && (d.wants(e.Table) || e.Action == source.Rename && d.wants(e.To)) {
		d.add(e)
	}
	rel := d.tables[t.ID]
	switch {
	case rel == nil:
	case rel.skipped && rel.wanted:
		return d.revive(ctx, rel)
	default:
		rel.keys, rel.others, rel.skipped = nil, nil, false
	}
	return nil
}

// wants reports whether somebody asked for a table.
func (d *decoder) wants(t source.Table) bool {
	for _, sub := range d.subs {
		if sub.Tables.Match(t) {
			return true
		}
	}
	return false
}

const sqlTriggers = `SELECT count(*) = 3 FROM pg_event_trigger WHERE evtname IN ('meepo_ddl_ended', 'meepo_ddl_dropped', 'meepo_ddl_rewritten') AND evtenabled = 'A'`

// hasTriggers reports whether the log tells of definitions. Before 14 its messages do not reach us.
func (s *Source) hasTriggers(ctx context.Context, q querier) (bool, error) {
	if !s.server().atLeast(14) {
		return false, nil
	}
	var has bool
	err := q.QueryRow(ctx, sqlTriggers).Scan(&has)
	return has, err
}
