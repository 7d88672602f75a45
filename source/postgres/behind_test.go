package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestProviderOf: what servers and poolers are known to say of themselves, and what is said of them then.
func TestProviderOf(t *testing.T) {
	roles := func(names ...string) facts {
		return facts{host: "db", version: "PostgreSQL 16.4 on x86_64", roles: names}
	}
	at := func(host string) facts { return facts{host: host, version: "PostgreSQL 16.4 on x86_64"} }
	aurora, reader := roles("rds_superuser"), roles("rds_superuser")
	aurora.aurora, reader.aurora, reader.standby = true, true, true
	for name, c := range map[string]struct {
		facts          facts
		name           string
		refused, doubt string
		advice, level  string // parts of them; level is how wal_level is set
	}{
		"a server":        {facts: roles()},
		"a pooler":        {facts: facts{host: "db", version: "PostgreSQL 16.4", pooled: true}, doubt: "PgBouncer", advice: "the server itself"},
		"CockroachDB":     {facts: facts{version: "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)"}, name: "CockroachDB", refused: "does not serve PostgreSQL's log", advice: "CHANGEFEED"},
		"YugabyteDB":      {facts: facts{version: "PostgreSQL 11.2-YB-2.21.0.0-b0 on x86_64"}, name: "YugabyteDB", refused: "YugabyteDB", advice: "PostgreSQL"},
		"Redshift":        {facts: facts{version: "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc, Redshift 1.0.38698"}, name: "Amazon Redshift", refused: "no log", advice: "PostgreSQL"},
		"RDS":             {facts: roles("rds_superuser"), name: "Amazon RDS", level: "rds.logical_replication = 1 in the DB parameter group"},
		"Aurora":          {facts: aurora, name: "Amazon Aurora", level: "the DB cluster parameter group"},
		"Aurora reader":   {facts: reader, name: "Amazon Aurora", refused: "a reader of Amazon Aurora", advice: "the writer", level: "cluster parameter group"},
		"RDS Proxy":       {facts: at("p.proxy-abc.eu-west-1.rds.amazonaws.com"), name: "Amazon RDS", refused: "RDS Proxy", advice: "endpoint", level: "parameter group"},
		"Cloud SQL":       {facts: roles("cloudsqlsuperuser"), name: "Google Cloud SQL", level: "--database-flags=cloudsql.logical_decoding=on"},
		"AlloyDB":         {facts: roles("alloydbsuperuser", "cloudsqlsuperuser"), name: "Google AlloyDB", level: "alloydb.logical_decoding=on"},
		"Azure":           {facts: roles("azure_pg_admin"), name: "Azure Database", level: "--name wal_level --value logical"},
		"Supabase":        {facts: roles("supabase_admin"), name: "Supabase", level: "postgres-config update --config wal_level=logical"},
		"Supabase pooler": {facts: at("aws-0-eu-central-1.pooler.supabase.com"), name: "Supabase's pooler", refused: "does not go through it", advice: "db.PROJECT.supabase.co"},
		"Neon":            {facts: at("ep-cool-1.eu-central-1.aws.neon.tech"), name: "Neon", doubt: "40 hours", advice: "a day", level: "Neon's console"},
		"Neon pooler":     {facts: at("ep-cool-1-pooler.eu-central-1.aws.neon.tech"), name: "Neon's pooler", refused: "does not go through it", advice: "-pooler"},
	} {
		p := providerOf(c.facts)
		level := ""
		if p.set != nil {
			level = p.set("wal_level", "logical")
		}
		for _, part := range [][3]string{{"refusal", p.refused, c.refused}, {"doubt", p.doubt, c.doubt}, {"advice", p.advice, c.advice}, {"setting", level, c.level}} {
			if (part[1] == "") != (part[2] == "") || !strings.Contains(part[1], part[2]) {
				t.Errorf("%s: %s %q, want %q", name, part[0], part[1], part[2])
			}
		}
		if p.name != c.name {
			t.Errorf("%s is %q, want %q", name, p.name, c.name)
		}
		if err := p.refusal(); (err != nil) != (c.refused != "") || err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := providerOf(aurora).grantReplication(`"u"`); got != `GRANT rds_replication TO "u";` {
		t.Error(got)
	}
}

// TestAskBehind_Roles: a server that has a provider's roles and functions is taken for that provider's.
func TestAskBehind_Roles(t *testing.T) {
	p := servertest.StartSQL(t, servertest.Postgres, "-c", "wal_level=replica", "-c", "max_slot_wal_keep_size=100MB")
	d := p.Open(t)
	found := checkIn(t, openTest(t, d))
	wantFinding(t, found, source.Fatal, "wal_level", "ALTER SYSTEM SET wal_level = logical; and restart")
	wantFinding(t, found, source.Warning, "max_slot_wal_keep_size", "ALTER SYSTEM SET max_slot_wal_keep_size = '100GB'; SELECT pg_reload_conf();")
	d.Exec(t, "CREATE ROLE rds_superuser; CREATE ROLE rds_replication; CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql RETURN '16.4'")
	d.Exec(t, "CREATE ROLE poor LOGIN PASSWORD 'repl'")
	cfg := configOf(t, d.ReplURL)
	cfg.User = "poor"
	found = checkIn(t, openConfig(t, cfg))
	wantFinding(t, found, source.Fatal, "wal_level", "set rds.logical_replication = 1 in the DB cluster parameter group")
	wantFinding(t, found, source.Warning, "max_slot_wal_keep_size", "set max_slot_wal_keep_size = 100GB in the DB cluster parameter group")
	wantFinding(t, found, source.Fatal, "grants", `GRANT rds_replication TO "poor";`)
	wantFinding(t, found, source.Note, "server", "is Amazon Aurora")
	d.Exec(t, "GRANT rds_replication TO poor")
	for _, f := range checkIn(t, openConfig(t, cfg)) {
		if f.Subject == "grants" && f.Severity == source.Fatal {
			t.Errorf("with the role: %+v", f)
		}
	}
}

func checkIn(t *testing.T, s *Source, tables ...source.Table) []source.Finding {
	t.Helper()
	found, err := s.Check(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity != source.Note && f.Fix == "" {
			t.Errorf("no fix: %+v", f)
		}
	}
	return found
}

// wantFinding expects a finding whose message or fix has a part.
func wantFinding(t *testing.T, found []source.Finding, severity source.Severity, subject, part string) {
	t.Helper()
	for _, f := range found {
		if f.Severity == severity && f.Subject == subject && strings.Contains(f.Message+" "+f.Fix, part) {
			return
		}
	}
	t.Errorf("no finding of severity %d on %s with %q in %+v", severity, subject, part, found)
}

// TestRetention: limits by size and by time.
func TestRetention(t *testing.T) {
	for name, c := range map[string]struct {
		keep    int64
		idle    time.Duration
		subject string
		want    source.Severity
	}{
		"no limit":    {-1, 0, "max_slot_wal_keep_size", source.Note},
		"a segment":   {16, 0, "max_slot_wal_keep_size", source.Warning},
		"some":        {512, 0, "max_slot_wal_keep_size", source.Warning},
		"enough":      {1024, 0, "", 0},
		"an hour":     {10000, time.Hour, "idle_replication_slot_timeout", source.Fatal},
		"half a day":  {10000, 12 * time.Hour, "idle_replication_slot_timeout", source.Warning},
		"a whole day": {10000, 24 * time.Hour, "", 0},
	} {
		p := &preflight{}
		p.retention(c.keep, c.idle)
		if c.want == 0 && len(p.findings) == 0 {
			continue
		}
		if len(p.findings) != 1 || p.findings[0].Severity != c.want || p.findings[0].Subject != c.subject {
			t.Errorf("%s: %+v", name, p.findings)
		}
	}
}

// TestOpen_PgBouncer: it refuses sessions with settings of their own, and is named then; told to ignore those settings, it lets
// us in, and what does not work through it is found by trying.
func TestOpen_PgBouncer(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.PostgresDist)
	cfg := configOf(t, d.ReplURL)
	cfg.Addr = servertest.StartPgBouncer(t, d, "pool_mode = session")
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(hintOf(err), "that is PgBouncer") {
		t.Errorf("%v, hint %s", err, hintOf(err))
	}
	cfg.Addr = servertest.StartPgBouncer(t, d, "pool_mode = transaction",
		"ignore_startup_parameters = search_path, intervalstyle, bytea_output, extra_float_digits, default_transaction_isolation, jit, statement_timeout")
	s := openConfig(t, cfg)
	if !s.asked.pooled {
		t.Errorf("%+v", s.asked)
	}
	found := checkIn(t, s)
	wantFinding(t, found, source.Warning, "server", "a pooler such as PgBouncer stands between")
	wantFinding(t, found, source.Fatal, "server", "does not keep the settings of our sessions")
	wantFinding(t, found, source.Fatal, "server", "the log cannot be read through it")
	if direct := openTest(t, d); direct.asked.pooled {
		t.Errorf("a server itself: %+v", direct.asked)
	}
}

// TestOpen_NamesAReader: a standby that has Aurora's functions is refused as a reader of Aurora, with where its writer is; another
// one as a standby.
func TestOpen_NamesAReader(t *testing.T) {
	p := servertest.StartSQL(t, servertest.PostgresDist)
	b := p.Standby(t)
	cfg := configOf(t, b.ReplURL)
	cfg.Slot = "reader"
	if _, err := Open(t.Context(), cfg); !errors.Is(err, errStandby) || errors.Is(err, errRefused) {
		t.Errorf("%v, hint %s", err, hintOf(err))
	}
	p.Exec(t, "CREATE ROLE rds_superuser; CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql RETURN '16.4'")
	servertest.Eventually(t, time.Minute, "the standby to be taken for Aurora's reader", func() (bool, error) {
		_, err := Open(t.Context(), cfg)
		if errors.Is(err, errRefused) && strings.Contains(err.Error(), "a reader of Amazon Aurora") && strings.Contains(hintOf(err), "the writer") {
			return true, nil
		}
		return false, err
	})
}
