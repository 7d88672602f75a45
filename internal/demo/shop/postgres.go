package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/targets"
)

// postgres is PostgreSQL, by SQL. All values are read as the server prints them.
type postgres struct {
	conn *pgx.Conn
	shop string
}

func openPostgres(ctx context.Context, address, shop string) (target, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("open target: not a URL that PostgreSQL's client takes") // its own message may hold the password
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open target: %w", err)
	}
	return postgres{conn, shop}, nil
}

func (p postgres) close(ctx context.Context) error { return p.conn.Close(ctx) }

// place is the table that a table has without any mapping.
func (p postgres) place(table string) place {
	return place{noun: "copied to", name: p.shop + "." + table, items: "rows"}
}

func (p postgres) from(table string) string {
	return " FROM " + pgx.Identifier{p.shop, table}.Sanitize()
}

func (p postgres) count(ctx context.Context, table string) (int, error) {
	var n int
	if err := p.conn.QueryRow(ctx, "SELECT COUNT(*)"+p.from(table)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", p.place(table), err)
	}
	return n, nil
}

func (p postgres) one(ctx context.Context, table string, key []string) (map[string]any, error) {
	columns, _ := demo.Columns(table)
	var conditions []string
	var args []any
	for i, text := range key {
		conditions = append(conditions, fmt.Sprintf("%s::text = $%d", columns[i].Name, i+1))
		args = append(args, text)
	}
	var fields map[string]any
	err := p.read(ctx, table, " WHERE "+strings.Join(conditions, " AND "), args, func(_ string, found map[string]any) error {
		fields = found
		return nil
	})
	return fields, err
}

func (p postgres) each(ctx context.Context, table string, use func(id string, fields map[string]any) error) error {
	return p.read(ctx, table, "", nil, use)
}

// search looks for texts with all of the words.
func (p postgres) search(ctx context.Context, table, column, words string) (hits, error) {
	began := time.Now()
	var all hits
	condition := " WHERE to_tsvector('english', " + column + ") @@ plainto_tsquery('english', $1) ORDER BY 1"
	err := p.read(ctx, table, condition, []any{words}, func(id string, fields map[string]any) error {
		if all.total++; len(all.list) < hitsShown {
			all.list = append(all.list, hit{id, fields})
		}
		return nil
	})
	all.took = int(time.Since(began).Milliseconds())
	return all, err
}

func (p postgres) read(ctx context.Context, table, condition string, args []any, use func(id string, fields map[string]any) error) error {
	columns, key := demo.Columns(table)
	var expressions []string
	for _, c := range columns {
		expressions = append(expressions, c.Name+"::text")
	}
	rows, err := p.conn.Query(ctx, "SELECT "+strings.Join(expressions, ", ")+p.from(table)+condition, args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.place(table), err)
	}
	defer rows.Close()
	texts, into := make([]*string, len(columns)), make([]any, len(columns))
	for i := range texts {
		into[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read %s: %w", p.place(table), err)
		}
		fields, parts := map[string]any{}, []string{}
		for i, c := range columns {
			fields[c.Name] = nil
			if texts[i] != nil {
				fields[c.Name] = *texts[i]
			}
			if i < key {
				parts = append(parts, fmt.Sprint(fields[c.Name]))
			}
		}
		if err := use(string(targets.JoinID(parts...)), fields); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", p.place(table), err)
	}
	return nil
}
