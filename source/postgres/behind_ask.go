package postgres

import (
	"context"
	"errors"
	"net"

	"github.com/jackc/pgx/v5"
)

// errRefused: what answers there can be no source.
var errRefused = errors.New("no PostgreSQL that can be followed")

// sqlBehind asks for what tells providers. Products that only look like PostgreSQL refuse parts of it, and have said their
// name before.
const sqlBehind = `SELECT ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY($1)),
EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'aurora_version'), pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()`

// askBehind gathers what tells who runs the server, on a connection without any settings, which poolers refuse.
func (s *Source) askBehind(ctx context.Context) (facts, error) {
	host, _, err := net.SplitHostPort(s.cfg.Addr)
	if err != nil {
		host = s.cfg.Addr
	}
	f := facts{host: host}
	cfg := s.conn.Copy()
	cfg.RuntimeParams, cfg.DefaultQueryExecMode = map[string]string{}, pgx.QueryExecModeSimpleProtocol
	if err := s.cfg.fillPassword(ctx, &cfg.Config); err != nil {
		return f, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return f, err
	}
	defer func() { _ = hangUp(conn.PgConn()) }()
	if err := conn.QueryRow(ctx, "SELECT version()").Scan(&f.version); err != nil {
		return f, err
	}
	var pid uint32
	if err := conn.QueryRow(ctx, sqlBehind, providerRoles).Scan(&f.roles, &f.aurora, &f.standby, &pid); err == nil {
		f.pooled = pid != conn.PgConn().PID()
	}
	return f, nil
}

// named asks a server that cannot be opened who it is, and returns a refusal by that name in the place of an error that
// only says what did not work.
func (s *Source) named(ctx context.Context, err error) error {
	if _, answered := serverAnswer(err); !answered && !errors.Is(err, errStandby) {
		return err
	}
	f, failed := s.askBehind(ctx)
	if failed != nil {
		return err
	}
	if refused := providerOf(f).refusal(); refused != nil {
		return refused
	}
	return err
}

// sqlKept are settings of a session of ours, as the server has them.
const sqlKept = `SELECT current_setting('application_name') = $1 AND current_setting('timezone') = $2 AND current_setting('search_path') = $3 AND current_setting('bytea_output') = $4`

// pooler looks whether we can work through what stands between: rows are read by sessions with settings of their own, and
// the log by a connection of another kind.
func (p *preflight) pooler(ctx context.Context) error {
	if !p.s.asked.pooled {
		return nil
	}
	ours := p.s.cfg.settings()
	var kept bool
	if err := p.s.pool.QueryRow(ctx, sqlKept, ours["application_name"], ours["timezone"], ours["search_path"], ours["bytea_output"]).Scan(&kept); err != nil {
		return err
	}
	if !kept {
		p.fatal("server", "a pooler such as PgBouncer stands between, and does not keep the settings of our sessions: values would be read otherwise", adviceDirect)
	}
	conn, _, err := p.s.dialLog(ctx)
	if err != nil {
		p.fatal("server", "a pooler such as PgBouncer stands between, and the log cannot be read through it: "+err.Error(), adviceDirect)
		return nil
	}
	return hangUp(conn)
}

const adviceDirect = "name the server itself, with its own port"
