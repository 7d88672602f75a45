package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// filters finds the schemas of tables that the server leaves out of its log.
func (p *preflight) filters(ctx context.Context, tables []source.Table) error {
	query := "SHOW MASTER STATUS"
	if p.server.flavor == flavorMySQL && p.server.atLeast(8, 2) {
		query = "SHOW BINARY LOG STATUS"
	}
	status, err := oneRow(ctx, p.s.db, query)
	if isErrno(err, errPrivilege) { // what the account lacks is a finding of its own
		return nil
	}
	if err != nil {
		return err
	}
	kept, ignored := splitNames(status["Binlog_Do_DB"]), splitNames(status["Binlog_Ignore_DB"])
	same := func(schema string) func(string) bool {
		return func(name string) bool { return p.s.same(source.Table{Schema: schema}, source.Table{Schema: name}) }
	}
	var told []string
	for _, t := range tables {
		if slices.ContainsFunc(told, same(t.Schema)) {
			continue
		}
		told = append(told, t.Schema)
		switch {
		case len(kept) > 0 && !slices.ContainsFunc(kept, same(t.Schema)):
			p.add(source.Fatal, "binlog_do_db", "does not name "+t.Schema+": changes of its tables are not in the log",
				"add binlog_do_db = "+t.Schema+" to the server's configuration file, or remove all binlog_do_db, and restart it")
		case len(kept) == 0 && slices.ContainsFunc(ignored, same(t.Schema)):
			p.add(source.Fatal, "binlog_ignore_db", "names "+t.Schema+": changes of its tables are not in the log",
				"remove binlog_ignore_db = "+t.Schema+" from the server's configuration file and restart it")
		}
	}
	return nil
}

// splitNames splits a list of names as SHOW prints it; nil where it is empty.
func splitNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// oneRow returns the columns of the only row of an answer by their names; nothing where there is none.
func oneRow(ctx context.Context, db *sql.DB, query string) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, cmp.Or(err, rows.Err())
	}
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	row := map[string]string{}
	for i, name := range names {
		row[name] = values[i].String
	}
	return row, rows.Err()
}
