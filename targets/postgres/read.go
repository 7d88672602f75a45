package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// ReadDocs shows rows as the server makes JSON of them, without nulls.
func (t *Target) ReadDocs(ctx context.Context, dest string, ids []targets.ID) ([]targets.Doc, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	plan, err := t.planOf(ctx, dest)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, err)
	}
	docs := make([]targets.Doc, len(ids))
	var asked []int
	keys := newRows(plan.columns[:plan.keys], false)
	for i, id := range ids {
		docs[i] = targets.Doc{ID: id}
		if keys.add(targets.Op{ID: id}) == "" { // else no row can have it
			asked = append(asked, i)
		}
	}
	found, err := t.pool.Query(ctx, plan.read(), keys.parameters()...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, missing(err))
	}
	var n int
	var version int64
	var body string
	_, err = pgx.ForEachRow(found, []any{&n, &version, &body}, func() error {
		doc := &docs[asked[n-1]]
		doc.Found, doc.Version, doc.Body = true, version, []byte(body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, missing(err))
	}
	return docs, nil
}

// read is the query for rows by their keys.
func (t *table) read() string {
	var match, fields []string
	for i, c := range t.columns[:t.keys] {
		match = append(match, fmt.Sprintf("t.%s = u.c%d::%s", quote(c.field.Name), i, c.typ))
	}
	arrays, names := unnested(t.columns[:t.keys], 1)
	for _, field := range t.dest.Fields {
		fields = append(fields, "t."+quote(field.Name))
	}
	version := "0"
	if t.version != "" {
		version = "coalesce(t." + quote(t.version) + ", 0)"
	}
	return "SELECT u.n, " + version + "::int8, coalesce((SELECT json_object_agg(key, value) FROM json_each((SELECT to_json(d) FROM (SELECT " + strings.Join(fields, ", ") +
		") d)) WHERE value::text <> 'null'), '{}')::text FROM unnest(" + arrays + ") WITH ORDINALITY AS u (" +
		names + ", n) JOIN " + quoteTable(t.dest.Name) + " AS t ON " + strings.Join(match, " AND ")
}
