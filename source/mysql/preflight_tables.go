package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// cascading matches a line of SHOW CREATE TABLE: the name, the key, what it does. The catalog's view of
// foreign keys hides them from accounts that may only SELECT.
var cascading = regexp.MustCompile("(?m)^ *CONSTRAINT `((?:[^`]|``)+)` (FOREIGN KEY .*?)( ON (?:DELETE|UPDATE) .*?),?$")

func (p *preflight) tables(ctx context.Context, tables []source.Table) error {
	for _, t := range tables {
		if err := p.table(ctx, t); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
	}
	return nil
}

func (p *preflight) table(ctx context.Context, t source.Table) error {
	columns, err := p.s.Columns(ctx, "", t)
	if errors.Is(err, source.ErrNoTable) {
		p.add(source.Fatal, t.String(), "does not exist", fmt.Sprintf("SHOW TABLES IN %s;", quote(t.Schema)))
		return nil
	}
	if errors.Is(err, source.ErrDenied) {
		p.add(source.Fatal, t.String(), "does not exist, or the account may not see it",
			fmt.Sprintf("SHOW TABLES IN %s; %s", quote(t.Schema), p.grantOf(t, p.account(ctx))))
		return nil
	}
	if err != nil {
		return err
	}
	if columns.Refused != "" {
		message, fix, _ := strings.Cut(columns.Refused, ": ")
		p.add(source.Fatal, t.String(), message, fix)
	}
	for _, c := range columns.Columns {
		if c.Type.Unknown {
			p.add(source.Warning, t.String()+"."+c.Name, "its type "+c.Type.Native+" is not known here; it is read as text", "exclude the column if its text is of no use")
		}
	}
	if err := p.readable(ctx, columns.Table); err != nil {
		return err
	}
	if err := p.engine(ctx, columns.Table); err != nil {
		return err
	}
	return p.cascades(ctx, columns.Table)
}

// readable tries what reading takes. Without GTIDs that is a lock, which before MySQL 8.0.22 takes
// more than SELECT.
func (p *preflight) readable(ctx context.Context, t source.Table) error {
	lock := ""
	if !p.server.gtid {
		lock = " FOR SHARE"
	}
	_, err := p.s.db.ExecContext(ctx, "SELECT 1 FROM "+quoteTable(t)+" LIMIT 0"+lock)
	if isErrno(err, errTableDenied, errColumnDenied) {
		p.add(source.Fatal, t.String(), "the account may not read it", p.grantOf(t, p.account(ctx)))
		return nil
	}
	return err
}

// engine warns of tables whose changes are no transactions, since no snapshot and no lock covers them,
// or that keep no rows. It notes partitions.
func (p *preflight) engine(ctx context.Context, t source.Table) error {
	var engine, options sql.NullString
	err := p.s.db.QueryRowContext(ctx, "SELECT ENGINE, CREATE_OPTIONS FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
		t.Schema, t.Name).Scan(&engine, &options)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	fix := "ALTER TABLE " + quoteTable(t) + " ENGINE = InnoDB;"
	switch strings.ToUpper(engine.String) {
	case "MYISAM", "ARIA", "MEMORY", "CSV", "ARCHIVE", "MRG_MYISAM":
		p.add(source.Warning, t.String(), "its engine "+engine.String+" has no transactions: a row may be read before its change is complete", fix)
	case "BLACKHOLE":
		p.add(source.Warning, t.String(), "its engine "+engine.String+" keeps no rows: what is written to it will not be found", fix)
	}
	if strings.Contains(options.String, "partitioned") {
		p.add(source.Note, t.String(), "is partitioned: when a partition is dropped, truncated or exchanged, the log has no rows of it, and the table is copied and looked through anew", "")
	}
	return nil
}

// cascades warns of changes that a foreign key makes and that the log does not tell of.
func (p *preflight) cascades(ctx context.Context, t source.Table) error {
	canLog := p.server.flavor == flavorMySQL && p.server.atLeast(9, 6)
	if canLog && !p.is("innodb_native_foreign_keys", "ON") {
		return nil
	}
	var name, create string
	if err := p.s.db.QueryRowContext(ctx, "SHOW CREATE TABLE "+quoteTable(t)).Scan(&name, &create); err != nil {
		return err
	}
	for _, m := range cascading.FindAllStringSubmatch(create, -1) {
		constraint, key, does := m[1], m[2], strings.TrimSpace(m[3])
		if !strings.Contains(does, "CASCADE") && !strings.Contains(does, "SET ") {
			continue
		}
		fix := fmt.Sprintf("change these rows in the application, and ALTER TABLE %[1]s DROP FOREIGN KEY `%[2]s`; ALTER TABLE %[1]s ADD CONSTRAINT `%[2]s` %[3]s;",
			quoteTable(t), constraint, key)
		if canLog {
			fix = "remove innodb_native_foreign_keys = ON from the server's configuration file and restart it; or " + fix
		}
		p.add(source.Warning, t.String(), fmt.Sprintf("foreign key %s changes rows (%s), which this server does not write to its log: their documents stay as they were",
			constraint, does), fix)
	}
	return nil
}
