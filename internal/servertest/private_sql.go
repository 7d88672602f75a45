package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// PrivateSQL is a SQL server of one test's own, which keeps its data and its port
// over Stop, Kill and Start. It is killed and removed when the test ends.
type PrivateSQL struct {
	Flavor  Flavor
	URL     string // mysql://app:app@host:port/ or postgres://…/app, an account that may do everything
	ReplURL string // the same for repl:repl, which has only what a replication tool needs
	server  *server
}

// StartSQL starts a server of flavor f. The options come last on the command line
// of the server, so they win over those of the flavor.
func StartSQL(t testing.TB, f Flavor, options ...string) *PrivateSQL {
	t.Helper()
	info := f.info(t)
	return startSQL(t, f, newServer(t, info.title), options)
}

// Standby starts a streaming standby of a PostgreSQL server.
func (p *PrivateSQL) Standby(t testing.TB, options ...string) *PrivateSQL {
	t.Helper()
	info := p.Flavor.info(t)
	s := newServer(t, info.title)
	command := []string{info.script, "copy", s.dir, p.server.dir, fmt.Sprint(p.server.port)}
	if err := s.script(append(command, info.options...)...); err != nil {
		t.Fatalf("servertest: copy a private %s: %v", s.title, err)
	}
	return startSQL(t, p.Flavor, s, options)
}

func startSQL(t testing.TB, f Flavor, s *server, options []string) *PrivateSQL {
	t.Helper()
	info := f.info(t)
	s.start = func(more []string) []string {
		command := []string{info.script, "start", s.dir, fmt.Sprint(s.port)}
		command = append(command, info.options...)
		return append(append(command, options...), more...)
	}
	s.stop = []string{info.script, "stop"}
	p := &PrivateSQL{Flavor: f, server: s}
	form := "mysql://%[1]s:%[1]s@127.0.0.1:%[2]d/"
	if f.IsPostgres() {
		form = "postgres://%[1]s:%[1]s@127.0.0.1:%[2]d/app"
	}
	p.URL, p.ReplURL = fmt.Sprintf(form, "app", s.port), fmt.Sprintf(form, "repl", s.port)
	s.run(t)
	return p
}

// Start starts the server again with its data, port and options, and these more
// options for this once. It returns when the server answers.
func (p *PrivateSQL) Start(t testing.TB, more ...string) {
	t.Helper()
	p.server.run(t, more...)
}

// Stop shuts the server down cleanly and returns when its process has ended.
func (p *PrivateSQL) Stop(t testing.TB) {
	t.Helper()
	p.server.end(t)
}

// Kill ends the server's process at once, as in a crash.
func (p *PrivateSQL) Kill(t testing.TB) {
	t.Helper()
	p.server.end(t, "-9")
}

// Exec runs a query, or several when there are no arguments, as root on a
// connection of its own, to PostgreSQL's database app; an error ends the test.
func (p *PrivateSQL) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if err := p.exec(t.Context(), query, args); err != nil {
		t.Fatalf("private %s: exec %s: %v", p.Flavor, shorten(query), err)
	}
}

func (p *PrivateSQL) exec(ctx context.Context, query string, args []any) error {
	if p.Flavor.IsPostgres() {
		return execPostgres(ctx, p.server, query, args)
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User = "unix", filepath.Join(p.server.dir, "sock"), "root"
	cfg.MultiStatements = true
	cfg.Logger = &mysql.NopLogger{} // a server that a test kills is no news
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	_, err = db.ExecContext(ctx, query, args...)
	return err
}

// Open makes a database on the server, like OpenSQL. It is not dropped: it goes
// with the server.
func (p *PrivateSQL) Open(t testing.TB) *Database {
	t.Helper()
	d, _ := createDatabase(t, p.Flavor, p.URL)
	return d
}
