package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Shop is a connection to the shop's database. It keeps a session of its own, whose time zone
// is UTC, so that rows come out the same on every server.
type Shop struct {
	db     *sql.DB
	conn   *sql.Conn // the one session, so that what is set there holds for all that follows
	server *server
	name   string
}

// server is what differs between the kinds of servers that a shop can stand on.
type server struct {
	creates  map[*table]string
	prepare  func(shop string) []string // statements before the tables are made, which drop those of before
	finish   func(shop string) []string // statements after they were made
	put      func(Kind) string          // how a value is handed over
	get      func(Column) string        // how a value is read, so that it comes as its bytes or as a text
	numbered bool                       // placeholders are $1, $2, and not ?
	since    string                     // the time from placed_at to a placeholder
}

// Open connects to the database that a URL names (mysql://user:password@host:port/shop, or
// postgres://…), and makes it if there is none. MariaDB takes the URLs of MySQL. In PostgreSQL
// the tables stand in a schema with the database's name.
func Open(ctx context.Context, rawURL string) (*Shop, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's own message repeats the URL, which may hold a password.
		return nil, errors.New("open shop: not a URL: want mysql://user:password@host:port/database, or postgres://…")
	}
	name := strings.Trim(u.Path, "/")
	connect := map[string]func(context.Context, *url.URL, string) (*Shop, error){
		"mysql": openMySQL, "mariadb": openMySQL, "postgres": openPostgres, "postgresql": openPostgres,
	}[u.Scheme]
	if u.Host == "" || name == "" || connect == nil {
		return nil, fmt.Errorf("open shop %s: want mysql://user:password@host:port/database, or postgres://…", u.Redacted())
	}
	s, err := connect(ctx, u, name)
	if err != nil {
		return nil, fmt.Errorf("open shop %s: %w", name, err)
	}
	return s, nil
}

// newShop takes a session of db, and runs the statements there.
func newShop(ctx context.Context, db *sql.DB, kind *server, name string, statements ...string) (*Shop, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Shop{db: db, conn: conn, server: kind, name: name}
	if err := s.execAll(ctx, statements); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Name returns the name that stands before the tables' names: that of the database or the schema.
func (s *Shop) Name() string { return s.name }

// Close ends the connection.
func (s *Shop) Close() error { return errors.Join(s.conn.Close(), s.db.Close()) }

// exec runs a statement whose placeholders are question marks.
func (s *Shop) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return s.conn.ExecContext(ctx, s.bound(statement), args...)
}

func (s *Shop) execAll(ctx context.Context, statements []string) error {
	for _, statement := range statements {
		if _, err := s.exec(ctx, statement); err != nil {
			return fmt.Errorf("%.40s: %w", statement, err)
		}
	}
	return nil
}

// bound writes a statement's placeholders as the server knows them.
func (s *Shop) bound(statement string) string {
	if !s.server.numbered {
		return statement
	}
	var b strings.Builder
	for n, part := range strings.Split(statement, "?") {
		if n > 0 {
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteString(part)
	}
	return b.String()
}

// insertion returns an INSERT without its rows, and the placeholders of one row.
func (s *Shop) insertion(t *table) (insert, row string) {
	names, places := make([]string, len(t.columns)), make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i], places[i] = c.Name, s.server.put(c.Kind)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES ", t.name, strings.Join(names, ", ")), "(" + strings.Join(places, ",") + ")"
}

// Count returns the number of rows in one of the tables.
func (s *Shop) Count(ctx context.Context, name string) (int, error) {
	var n int
	if err := s.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", name, err)
	}
	return n, nil
}

// Cell is one value of a row, as the server spells it: a string, or []byte where it is made of bytes; nil is NULL.
type Cell struct {
	Column
	Value any
}

// Row returns the row with the given key, or nil if there is none.
func (s *Shop) Row(ctx context.Context, name string, key ...any) ([]Cell, error) {
	columns, parts := Columns(name)
	if len(key) != parts {
		return nil, fmt.Errorf("read %s %v: the key of a row there has %d values", name, key, parts)
	}
	conditions := make([]string, parts)
	for i := range conditions {
		conditions[i] = columns[i].Name + " = ?"
	}
	var found []Cell
	err := s.read(ctx, name, " WHERE "+strings.Join(conditions, " AND "), key, func(row []Cell) error {
		found = row
		return nil
	})
	return found, err
}

// Each calls use with each row of a table, in no order.
func (s *Shop) Each(ctx context.Context, name string, use func(row []Cell) error) error {
	return s.read(ctx, name, "", nil, use)
}

func (s *Shop) read(ctx context.Context, name, condition string, args []any, use func(row []Cell) error) error {
	columns, _ := Columns(name)
	if columns == nil {
		return fmt.Errorf("read %s: the shop has no such table, it has %s", name, strings.Join(Tables(), ", "))
	}
	expressions := make([]string, len(columns))
	for i, c := range columns {
		expressions[i] = s.server.get(c)
	}
	rows, err := s.conn.QueryContext(ctx, s.bound("SELECT "+strings.Join(expressions, ", ")+" FROM "+name+condition), args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer rows.Close()
	raw, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		row := make([]Cell, len(columns))
		for i, c := range columns {
			row[i] = Cell{c, s.value(c.Kind, raw[i])}
		}
		if err := use(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// value copies what the server has sent. PostgreSQL is asked for everything as text.
func (s *Shop) value(kind Kind, raw sql.RawBytes) any {
	switch {
	case raw == nil:
		return nil
	case (kind == Bytes || kind == UUID) && !s.server.numbered:
		return append([]byte{}, raw...)
	}
	return string(raw)
}
