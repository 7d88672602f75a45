package demo

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresServer is PostgreSQL.
var postgresServer = &server{
	creates: postgresTables,
	prepare: func(shop string) []string {
		return []string{"DROP SCHEMA IF EXISTS " + identifier(shop) + " CASCADE", "CREATE SCHEMA " + identifier(shop), postgresEnums}
	},
	// An account that only reads may not make the publication.
	finish: func(string) []string {
		return []string{
			"DROP PUBLICATION IF EXISTS meepo",
			"CREATE PUBLICATION meepo FOR TABLE " + strings.Join(Tables(), ", ") + " WITH (publish_via_partition_root = true)",
		}
	},
	put: func(kind Kind) string {
		switch kind {
		case Point:
			return "point(?,?)"
		case Set:
			return "string_to_array(?, ',')"
		case UUID:
			return "encode(?, 'hex')::uuid"
		}
		return "?"
	},
	get:      func(c Column) string { return c.Name + "::text" },
	numbered: true,
	since:    "make_interval(secs => extract(epoch FROM ?::timestamp - date_trunc('second', placed_at)))",
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

func openPostgres(ctx context.Context, u *url.URL, name string) (*Shop, error) {
	if err := makeDatabase(ctx, u, name); err != nil {
		return nil, err
	}
	cfg, err := postgresConfig(u, name)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["search_path"] = identifier(name)
	return newShop(ctx, stdlib.OpenDB(*cfg), postgresServer, name)
}

// postgresConfig is for a database of the server that the URL names.
func postgresConfig(u *url.URL, database string) (*pgx.ConnConfig, error) {
	there := *u
	there.Path = "/" + database
	cfg, err := pgx.ParseConfig(there.String())
	if err != nil {
		return nil, errors.New("not a URL that PostgreSQL's client takes") // its own message may hold the password
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // one round trip per statement
	cfg.RuntimeParams["timezone"] = "UTC"
	return cfg, nil
}

// makeDatabase makes the shop's database, by way of one that every server has.
func makeDatabase(ctx context.Context, u *url.URL, name string) error {
	cfg, err := postgresConfig(u, "postgres")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	return errors.Join(createDatabase(ctx, db, name), db.Close())
}

func createDatabase(ctx context.Context, db *sql.DB, name string) error {
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
		return err
	}
	_, err := db.ExecContext(ctx, "CREATE DATABASE "+identifier(name))
	const duplicate = "42P04" // somebody was quicker
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == duplicate {
		return nil
	}
	return err
}
