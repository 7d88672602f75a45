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
	keys := make([]*values, plan.keys)
	for i, c := range plan.columns[:plan.keys] {
		keys[i] = &values{field: c.field, form: c.form}
	}
	for i, id := range ids {
		docs[i] = targets.Doc{ID: id}
		if plan.unfit(targets.Op{Verb: targets.Delete, ID: id}) != "" {
			continue // no row can have it
		}
		asked = append(asked, i)
		parts, _ := targets.SplitID(id, plan.keys) // unfit has taken it apart
		for k, c := range plan.columns[:plan.keys] {
			keys[k].addKey(parts[c.part])
		}
	}
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k.parameter()
	}
	rows, err := t.pool.Query(ctx, plan.read(), args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, missing(err))
	}
	var n int
	var body string
	_, err = pgx.ForEachRow(rows, []any{&n, &body}, func() error {
		doc := &docs[asked[n-1]]
		doc.Found, doc.Body = true, []byte(body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, missing(err))
	}
	return docs, nil
}

// read is the query for rows by their keys.
func (t *table) read() string {
	var arrays, names, match, fields []string
	for i, c := range t.columns[:t.keys] {
		arrays = append(arrays, fmt.Sprintf("$%d::%s", i+1, c.form.array()))
		names = append(names, fmt.Sprintf("c%d", i))
		match = append(match, fmt.Sprintf("t.%s = u.c%d::%s", quote(c.field.Name), i, c.want.name))
	}
	for _, field := range t.dest.Fields {
		fields = append(fields, "t."+quote(field.Name))
	}
	return "SELECT u.n, coalesce((SELECT json_object_agg(key, value) FROM json_each((SELECT to_json(d) FROM (SELECT " + strings.Join(fields, ", ") +
		") d)) WHERE value::text <> 'null'), '{}')::text FROM unnest(" + strings.Join(arrays, ", ") + ") WITH ORDINALITY AS u (" +
		strings.Join(names, ", ") + ", n) JOIN " + quoteTable(t.dest.Name) + " AS t ON " + strings.Join(match, " AND ")
}
