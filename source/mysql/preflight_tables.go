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

// cascading matches a line of SHOW CREATE TABLE. The catalog's view of foreign keys hides them from
// accounts that may only SELECT.
var cascading = regexp.MustCompile("(?m)^ *CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY .*?( ON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT).*?),?$")

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
		p.add(source.Fatal, t.String(), "does not exist, or the account may not see it",
			fmt.Sprintf("SHOW TABLES IN %s; GRANT SELECT ON %s TO %s;", quote(t.Schema), quoteTable(t), p.account(ctx)))
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
	lock, grant := "", "SELECT"
	if !p.server.gtid {
		lock, grant = " FOR SHARE", "SELECT, LOCK TABLES"
	}
	_, err := p.s.db.ExecContext(ctx, "SELECT 1 FROM "+quoteTable(t)+" LIMIT 0"+lock)
	if isErrno(err, errTableDenied, errColumnDenied) {
		p.add(source.Fatal, t.String(), "the account may not read it", fmt.Sprintf("GRANT %s ON %s TO %s;", grant, quoteTable(t), p.account(ctx)))
		return nil
	}
	return err
}

// engine warns of tables whose changes are no transactions: no snapshot and no lock covers them.
func (p *preflight) engine(ctx context.Context, t source.Table) error {
	var engine sql.NullString
	err := p.s.db.QueryRowContext(ctx, "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", t.Schema, t.Name).Scan(&engine)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch strings.ToUpper(engine.String) {
	case "MYISAM", "ARIA", "MEMORY", "CSV", "ARCHIVE", "MRG_MYISAM":
		p.add(source.Warning, t.String(), "its engine "+engine.String+" has no transactions: a row may be read before its change is complete",
			"ALTER TABLE "+quoteTable(t)+" ENGINE = InnoDB;")
	}
	return nil
}

// cascades warns of changes that a foreign key makes and that the log does not tell of.
func (p *preflight) cascades(ctx context.Context, t source.Table) error {
	if p.server.flavor == flavorMySQL && p.server.atLeast(9, 6) && !p.is("innodb_native_foreign_keys", "ON") {
		return nil
	}
	var name, create string
	if err := p.s.db.QueryRowContext(ctx, "SHOW CREATE TABLE "+quoteTable(t)).Scan(&name, &create); err != nil {
		return err
	}
	for _, m := range cascading.FindAllStringSubmatch(create, -1) {
		p.add(source.Warning, t.String(),
			fmt.Sprintf("foreign key %s changes rows (%s), which this server does not write to its log", m[1], strings.TrimSpace(m[2])),
			"change the rows in the application instead, or compare source and target regularly")
	}
	return nil
}
