package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/source"
)

// publication is what the catalog says of ours.
type publication struct {
	all, viaRoot, complete bool // of all tables; a partition's rows are its root's; all kinds of changes are in it
}

var errNoPublication = errors.New("no such publication")

const sqlPublication = `SELECT puballtables, pubviaroot, pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = $1`

func (s *Source) publication(ctx context.Context) (publication, error) {
	var p publication
	err := s.pool.QueryRow(ctx, sqlPublication, s.cfg.Publication).Scan(&p.all, &p.viaRoot, &p.complete)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoPublication
	}
	return p, err
}

// sqlUnpublished lists those of the tables ($2 and $3) that the publication lacks. A partition is in it by any
// of those that it is a partition of. The server's view pg_publication_tables would lock them.
const sqlUnpublished = `SELECT t.s, t.n FROM unnest($2::text[], $3::text[]) AS t(s, n) LEFT JOIN (pg_class c JOIN pg_namespace k ON k.oid = c.relnamespace) ON k.nspname = t.s AND c.relname = t.n
WHERE NOT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = $1 AND (p.puballtables OR EXISTS (SELECT FROM pg_class g WHERE ` + sqlWithin + ` AND (%s))))`

// sqlWithin is whether a table g is c, or one that c is a partition of; sqlHolds whether the publication p holds g, and
// sqlHoldsSchema, from 15 on, whether it holds its schema.
const (
	sqlWithin      = `(g.oid = c.oid OR g.oid IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) a))`
	sqlHolds       = `EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = g.oid)`
	sqlHoldsSchema = ` OR EXISTS (SELECT FROM pg_publication_namespace m WHERE m.pnpubid = p.oid AND m.pnnspid = g.relnamespace)`
)

// holds is whether the publication p holds a table g by itself.
func (s *Source) holds() string {
	if s.server().atLeast(15) {
		return sqlHolds + sqlHoldsSchema
	}
	return sqlHolds
}

func (s *Source) unpublished(ctx context.Context, tables []source.Table) ([]source.Table, error) {
	return s.published(ctx, fmt.Sprintf(sqlUnpublished, s.holds()), tables)
}

// published asks for those of the tables of which something is true in the publication.
func (s *Source) published(ctx context.Context, query string, tables []source.Table) ([]source.Table, error) {
	schemas, names := columnsOf(tables)
	rows, err := s.pool.Query(ctx, query, s.cfg.Publication, schemas, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t source.Table, err error) {
		err = row.Scan(&t.Schema, &t.Name)
		return t, err
	})
}

// Enlist adds tables to the publication, and makes it if it is not there.
func (s *Source) Enlist(ctx context.Context, tables []source.Table) ([]source.Table, error) {
	if len(tables) == 0 {
		return nil, nil
	}
	added, err := s.enlist(ctx, tables)
	if err != nil {
		return nil, fmt.Errorf("publish tables: %w", s.hinted(err))
	}
	return added, nil
}

// enlistRounds bounds how often others may be quicker.
const enlistRounds = 10

// enlist publishes tables. The server refuses a statement whole if somebody has published one of its tables in between, so
// it looks again then, until nothing is missing. What was missing at first counts as added, by whomever: the log had none
// of its changes before.
func (s *Source) enlist(ctx context.Context, tables []source.Table) (added []source.Table, err error) {
	for range enlistRounds {
		var missing []source.Table
		missing, err = s.enlistOnce(ctx, tables)
		if len(missing) > len(added) {
			added = missing
		}
		if !isCode(err, codeDuplicate, codeNotUnique) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return added, s.refuseFilters(ctx, tables)
}

// enlistOnce publishes those of the tables that are missing, and names them.
func (s *Source) enlistOnce(ctx context.Context, tables []source.Table) (missing []source.Table, err error) {
	p, err := s.publication(ctx)
	switch {
	case errors.Is(err, errNoPublication):
		return tables, s.publish(ctx, s.createPublication(tables), tables)
	case err != nil:
		return nil, err
	case !p.complete || !p.viaRoot:
		return nil, s.incomplete(p)
	}
	missing, err = s.unpublished(ctx, tables)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	return missing, s.publish(ctx, s.addToPublication(missing), missing)
}

// sqlFiltered lists those of the tables of which the publication holds only some rows.
const sqlFiltered = `SELECT t.s, t.n FROM unnest($2::text[], $3::text[]) AS t(s, n) JOIN (pg_class c JOIN pg_namespace k ON k.oid = c.relnamespace) ON k.nspname = t.s AND c.relname = t.n
WHERE EXISTS (SELECT FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class g ON g.oid = r.prrelid WHERE p.pubname = $1 AND r.prqual IS NOT NULL AND ` + sqlWithin + `)`

func (s *Source) refuseFilters(ctx context.Context, tables []source.Table) error {
	if !s.server().atLeast(15) {
		return nil
	}
	filtered, err := s.published(ctx, sqlFiltered, tables)
	if err != nil || len(filtered) == 0 {
		return err
	}
	return &source.HintError{Err: fmt.Errorf("the publication %s has only some rows of %s, so that changes of the others would be missed", s.cfg.Publication, tableList(filtered)),
		Advice: "ALTER PUBLICATION " + quote(s.cfg.Publication) + " SET TABLE with the tables without WHERE, or name another publication with --source-publication"}
}

func (s *Source) createPublication(tables []source.Table) string {
	return fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE %s WITH (publish_via_partition_root = true)", quote(s.cfg.Publication), tableList(tables))
}

func (s *Source) addToPublication(tables []source.Table) string {
	return "ALTER PUBLICATION " + quote(s.cfg.Publication) + " ADD TABLE " + tableList(tables)
}

// publish changes the publication.
func (s *Source) publish(ctx context.Context, statement string, tables []source.Table) error {
	_, err := s.pool.Exec(ctx, statement)
	switch {
	case isCode(err, codeDenied):
		return &source.HintError{Err: fmt.Errorf("%w: the account may not change the publication %s: %w", source.ErrDenied, s.cfg.Publication, err),
			Advice: "let the owner of the tables, or a superuser, run: " + statement}
	case err != nil:
		return err
	default:
		s.log.InfoContext(ctx, "tables added to the publication", slog.String("publication", s.cfg.Publication), slog.Int("tables", len(tables)))
	}
	return nil
}

func (s *Source) incomplete(p publication) error {
	what, set := "lacks some kinds of changes", "publish = 'insert, update, delete, truncate'"
	if !p.viaRoot {
		what, set = "tells of partitions by their own names", "publish_via_partition_root = true"
	}
	return &source.HintError{Err: fmt.Errorf("the publication %s %s", s.cfg.Publication, what),
		Advice: "ALTER PUBLICATION " + quote(s.cfg.Publication) + " SET (" + set + "), then " + adviceFresh}
}

func tableList(tables []source.Table) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = quoteTable(t)
	}
	return strings.Join(names, ", ")
}
