package demo

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Shop is a connection to the shop's database. It keeps a session of its own, whose time zone
// is UTC, so that rows come out the same on every server.
type Shop struct {
	db   *sql.DB
	name string
}

// Open connects to the database that a URL names (mysql://user:password@host:port/shop), and
// makes it if there is none. MariaDB takes the same URLs.
func Open(ctx context.Context, rawURL string) (*Shop, error) {
	cfg, err := config(rawURL)
	if err != nil {
		return nil, err
	}
	name := cfg.DBName
	cfg.DBName = ""
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("open shop %s: %w", name, err)
	}
	s := &Shop{db: sql.OpenDB(connector), name: name}
	s.db.SetMaxOpenConns(1) // one session, so that USE holds for all that follows
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS " + quote(name) + " CHARACTER SET utf8mb4", "USE " + quote(name)} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			s.db.Close()
			return nil, fmt.Errorf("open shop %s: %w", name, err)
		}
	}
	return s, nil
}

func config(rawURL string) (*mysql.Config, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's own message repeats the URL, which may hold a password.
		return nil, fmt.Errorf("open shop: not a URL: want mysql://user:password@host:port/database")
	}
	name := strings.Trim(u.Path, "/")
	if u.Host == "" || name == "" || u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return nil, fmt.Errorf("open shop %s: want mysql://user:password@host:port/database", u.Redacted())
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", u.Host, name
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.InterpolateParams = true // one round trip per statement
	cfg.Params = map[string]string{"time_zone": "'+00:00'", "character_set_results": "utf8mb4"}
	return cfg, nil
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Name returns the name of the database.
func (s *Shop) Name() string { return s.name }

// Close ends the connection.
func (s *Shop) Close() error { return s.db.Close() }

// Count returns the number of rows in one of the tables.
func (s *Shop) Count(ctx context.Context, table string) (int, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(table)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", table, err)
	}
	return n, nil
}

// Cell is one column of a row, as the server prints it.
type Cell struct {
	Column string
	Type   string // "DECIMAL", "DATETIME"
	Value  []byte // nil: NULL
}

// Row returns the row with the given id as the server prints it, or nil if there is none.
func (s *Shop) Row(ctx context.Context, table string, key ...any) ([]Cell, error) {
	condition := map[string]string{"stores": "code = ?", "order_items": "order_id = ? AND line = ?"}[table]
	if condition == "" {
		condition = "id = ?"
	}
	rows, err := s.db.QueryContext(ctx, "SELECT * FROM "+quote(table)+" WHERE "+condition, key...)
	if err != nil {
		return nil, fmt.Errorf("read %s %v: %w", table, key, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("read %s %v: %w", table, key, err)
	}
	if !rows.Next() {
		return nil, rows.Err()
	}
	cells, into := make([]Cell, len(types)), make([]any, len(types))
	for i, t := range types {
		cells[i].Column, cells[i].Type = t.Name(), t.DatabaseTypeName()
		into[i] = (*sql.RawBytes)(&cells[i].Value)
	}
	if err := rows.Scan(into...); err != nil {
		return nil, fmt.Errorf("read %s %v: %w", table, key, err)
	}
	for i := range cells {
		if cells[i].Value != nil {
			cells[i].Value = append([]byte{}, cells[i].Value...)
		}
	}
	return cells, nil
}
