package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"slices"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

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
	Part     bool   `json:"part"` // it is a partition
	ToSchema string `json:"to_schema"`
	ToName   string `json:"to_name"`
}

var toldActions = map[string]source.Action{
	"create": source.Create, "attach": source.Alter, "alter": source.Alter, "drop": source.Drop, "rename": source.Rename, "gap": source.Gap,
}

// event is what a message says. A partition is a table of its own only where it was asked for by its name; one that was
// attached just now is gone otherwise.
func (d *decoder) event(t told) (source.Event, bool) {
	e := source.Event{Action: toldActions[t.Action], Table: source.Table{Schema: t.Schema, Name: t.Name}}
	if e.Action == source.Rename {
		e.To = source.Table{Schema: t.ToSchema, Name: t.ToName}
	}
	wants := d.wants
	switch {
	case !t.Part:
	case t.Action == "attach" && !d.names(e.Table):
		e.Action = source.Drop
	default:
		wants = d.names
	}
	return e, e.Action != 0 && (wants(e.Table) || e.Action == source.Rename && wants(e.To))
}

// said takes in a message that somebody has put into the log. Ours are part of their transactions.
func (d *decoder) said(ctx context.Context, p *pglogrepl.LogicalDecodingMessage) error {
	if p.Prefix != ddlPrefix || !p.Transactional {
		return nil
	}
	var t told
	if err := json.Unmarshal(p.Content, &t); err != nil {
		d.src.log.Warn("a message in the log is not one of our triggers, though it is called so", "error", err)
		return nil
	}
	if e, concerns := d.event(t); concerns {
		if denied, err := d.denied(ctx, t, e); denied || err != nil {
			return err
		}
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

// sqlThere is whether a table has its name, and for $4, whether it has it as no partition.
const sqlThere = `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1 AND n.nspname = $2 AND c.relname = $3 AND NOT ($4 AND c.relispartition))`

// denied reports whether the catalog denies that a table has gone, or has lost its name. Anybody may put a message into the
// log, and one that says so wrongly would end the table's being followed; others have it copied at worst. Had it been
// so for a while, the log says how that ended, too.
func (d *decoder) denied(ctx context.Context, t told, e source.Event) (denied bool, err error) {
	if e.Action != source.Drop && e.Action != source.Rename {
		return false, nil
	}
	d.note()
	behind := fence{system: d.src.server().system, xids: d.unseen.xids}
	err = d.src.inSnapshot(ctx, behind.text(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlThere, t.ID, e.Table.Schema, e.Table.Name, t.Action == "attach").Scan(&denied)
	})
	if denied {
		d.src.log.Warn("the log says that a table has gone which is there, and nothing is done about it", "action", t.Action, "table", e.Table.String())
	}
	return denied, err
}

// wants reports whether somebody asked for a table.
func (d *decoder) wants(t source.Table) bool {
	return slices.ContainsFunc(d.subs, func(sub source.Subscription) bool { return sub.Tables.Match(t) })
}

// names reports whether somebody asked for a table by its own name.
func (d *decoder) names(t source.Table) bool {
	return slices.ContainsFunc(d.subs, func(sub source.Subscription) bool {
		one, literal := sub.Tables.Literal()
		return literal && one == t
	})
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
