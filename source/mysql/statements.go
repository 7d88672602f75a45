package mysql

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// query takes in a statement of the log: the frame of a transaction, DDL, or what should not be
// there in a row-based log.
func (d *logDecoder) query(ctx context.Context, h *replication.EventHeader, ev *replication.QueryEvent) error {
	stmt := parseStatement(string(ev.Query), string(ev.Schema), d.dialect(ev.StatusVars))
	switch stmt.kind {
	case stmtBegin:
		d.group.open, d.group.begun = true, true
		return nil
	case stmtCommit:
		d.commit(h)
		return nil
	case stmtSavepoint, stmtXAEnd:
		return nil
	case stmtXAStart:
		d.group.open, d.group.begun = true, true
		d.startXA(stmt.xid)
		return nil
	case stmtXACommit, stmtXARollback:
		action := source.Commit
		if stmt.kind == stmtXARollback {
			action = source.Rollback
		}
		d.endXA(action, stmt.xid)
		d.commit(h)
		return nil
	case stmtTables:
		if err := d.tables(ctx, stmt); err != nil {
			return err
		}
	case stmtRows:
		d.unknownRows(ctx, stmt)
	case stmtUnknown:
		return &source.HintError{
			Err:    fmt.Errorf("a statement of an unknown kind: %s", stmt.what),
			Advice: "report it; to go on, start with --fresh",
		}
	}
	if stmt.opens {
		d.group.open, d.group.begun = true, true
	}
	if !d.group.begun {
		d.commit(h)
	}
	return nil
}

// dialect reads the session's sql_mode from the status variables, which begin with it, if there.
func (d *logDecoder) dialect(vars []byte) dialect {
	const flags2, sqlMode = 0, 1
	const ansiQuotes, noBackslashEscapes = 0x4, 0x100000
	lang := dialect{
		mariaDB: d.info.flavor == flavorMariaDB, version: d.info.major*10000 + d.info.minor*100 + 99,
		foldNames: d.info.lowerCaseTableNames == 1,
	}
	if len(vars) >= 5 && vars[0] == flags2 {
		vars = vars[5:]
	}
	if len(vars) >= 9 && vars[0] == sqlMode {
		mode := binary.LittleEndian.Uint64(vars[1:])
		lang.ansiQuotes, lang.noBackslash = mode&ansiQuotes != 0, mode&noBackslashEscapes != 0
	}
	return lang
}

// tables passes on the changes of subscribed tables and forgets what was known of them.
func (d *logDecoder) tables(ctx context.Context, stmt statement) error {
	changes := stmt.changes
	if stmt.dropped != "" {
		changes = d.dropped(stmt.dropped)
	}
	for _, e := range changes {
		d.forget(e.Table)
		d.forget(e.To)
		if !d.matches(e.Table) && (e.To.IsZero() || !d.matches(e.To)) {
			continue
		}
		d.debug(ctx, "table change in the log", e.Table, e.Action.String())
		if err := d.reconcile(ctx, e); err != nil {
			return err
		}
		d.add(e.Event)
		switch e.Action {
		case source.Create:
			d.known[e.Table] = true
		case source.Drop:
			delete(d.known, e.Table)
		case source.Rename:
			delete(d.known, e.Table)
			if d.matches(e.To) {
				d.known[e.To] = true
			}
		}
	}
	return nil
}

// dropped lists the subscribed tables that a DROP DATABASE takes with it.
func (d *logDecoder) dropped(schema string) []tableChange {
	var changes []tableChange
	for _, t := range d.subscribed() {
		if t.Schema == schema || d.info.lowerCaseTableNames != 0 && strings.EqualFold(t.Schema, schema) {
			changes = append(changes, tableChange{Event: source.Event{Action: source.Drop, Table: t}})
		}
	}
	return changes
}

// forget makes the catalog be asked again.
func (d *logDecoder) forget(t source.Table) {
	delete(d.shapes, t)
	delete(d.passed, t)
	for id, plan := range d.plans {
		if plan.table == t {
			delete(d.plans, id)
		}
	}
}

// unknownRows takes in a change of rows that came as a statement. Which rows it changed cannot be known,
// nor which tables: a trigger, a view, a cascade or a function may reach any, and the account need not
// see them. So all have to be copied anew, once for a transaction, unless the user says of the one table that the statement
// names that nothing else hangs on it. The statement itself is not told, since it holds values.
func (d *logDecoder) unknownRows(ctx context.Context, stmt statement) {
	trusted := stmt.alone && slices.ContainsFunc(d.src.cfg.IgnoreStatements, func(p source.Pattern) bool { return d.src.matches(p, stmt.table) })
	if d.group.unknown && !trusted {
		return
	}
	var gaps []source.Event
	for _, t := range d.subscribed() {
		if !trusted || d.src.same(t, stmt.table) {
			gaps = append(gaps, source.Event{Action: source.Gap, Table: t})
		}
	}
	if len(gaps) == 0 {
		return
	}
	d.group.unknown = !trusted
	d.src.log.WarnContext(ctx, "a change of rows was logged as a statement, so its rows are unknown: all tables that it may reach have to be copied anew",
		slog.String("statement", stmt.what), slog.String("first_table", stmt.table.String()), slog.Int("tables", len(gaps)),
		slog.String("fix", "SET GLOBAL binlog_format = ROW, and let all sessions reconnect; or, if it changes no table that is followed, list the table that it changes in source.ignore_statements"))
	d.add(gaps...)
}

// subscribed lists the subscribed tables that are known, sorted.
func (d *logDecoder) subscribed() []source.Table {
	for _, sub := range d.subs {
		if t, ok := sub.Tables.Literal(); ok {
			d.known[t] = true
		}
	}
	return slices.SortedFunc(maps.Keys(d.known), func(a, b source.Table) int { return strings.Compare(a.String(), b.String()) })
}

// loadData takes in LOAD DATA in its old form: the statement stands behind the event's own fields.
func (d *logDecoder) loadData(ctx context.Context, ev *replication.ExecuteLoadQueryEvent, raw []byte) {
	const fields = 26
	if checksummed(d.format) {
		raw = raw[:len(raw)-replication.BinlogChecksumLength]
	}
	rest := raw[replication.EventHeaderSize+fields:]
	vars, rest := rest[:ev.StatusVars], rest[ev.StatusVars:]
	schema, text := rest[:ev.SchemaLength], rest[int(ev.SchemaLength)+1:]
	d.unknownRows(ctx, parseStatement(string(text), string(schema), d.dialect(vars)))
}
