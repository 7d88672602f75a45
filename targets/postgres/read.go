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

// read is the query for the versions and the documents of rows.
func (t *table) read() string {
	var fields []string
	for _, field := range t.dest.Fields {
		fields = append(fields, "t."+quote(field.Name))
	}
	return t.byKeys(t.storedVersion() + ", coalesce((SELECT json_object_agg(key, value) FROM json_each((SELECT to_json(d.*) FROM (SELECT " + strings.Join(fields, ", ") +
		") d)) WHERE value::text <> 'null'), '{}')::text")
}

// storedVersion is the expression for a row's version; 0: there is none.
func (t *table) storedVersion() string {
	if t.version == "" {
		return "0::int8"
	}
	return "coalesce(t." + quote(t.version) + ", 0)::int8"
}

// byKeys is the query for something of rows t by their keys, behind the number of the key, from 1.
func (t *table) byKeys(what string) string {
	var match []string
	for i, c := range t.columns[:t.keys] {
		match = append(match, fmt.Sprintf("t.%s = u.c%d::%s", quote(c.field.Name), i, c.typ))
	}
	arrays, names := unnested(t.columns[:t.keys], 1)
	return "SELECT u.n, " + what + " FROM unnest(" + arrays + ") WITH ORDINALITY AS u (" + names + ", n) JOIN " + quoteTable(t.dest.Name) +
		" AS t ON " + strings.Join(match, " AND ")
}
