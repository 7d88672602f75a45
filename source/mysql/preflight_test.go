package mysql

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// check returns the findings whose subject holds a text.
func check(t *testing.T, s *Source, about string, tables ...source.Table) []source.Finding {
	t.Helper()
	all, err := s.Check(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	var found []source.Finding
	for i, f := range all {
		if i > 0 && f.Severity > all[i-1].Severity {
			t.Errorf("finding %d is worse than the one before", i)
		}
		if f.Message == "" || f.Severity == 0 || f.Severity > source.Note && f.Fix == "" {
			t.Errorf("incomplete finding: %+v", f)
		}
		if strings.Contains(f.Subject, about) {
			found = append(found, f)
		}
	}
	return found
}

func TestCheck_GoodServerHasNothingFatal(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE good (id INT PRIMARY KEY, v TEXT)")
		for _, f := range check(t, s, "", source.Table{Schema: d.Name, Name: "good"}) {
			if f.Severity == source.Fatal || f.Severity == source.Warning {
				t.Errorf("%+v", f)
			}
		}
		if notes := check(t, s, "gtid_mode"); (len(notes) == 1) != (d.Flavor == servertest.MySQLNoGTID) {
			t.Errorf("gtid_mode: %+v", notes)
		}
		if notes := check(t, s, "binlog_row_metadata"); (len(notes) == 1) != (d.Flavor == servertest.MySQLMinimal) {
			t.Errorf("binlog_row_metadata: %+v", notes)
		}
	})
}

func TestCheck_Tables(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, `CREATE TABLE nokey (id INT);
			CREATE TABLE badkey (v DOUBLE PRIMARY KEY);
			CREATE TABLE prefixed (v VARCHAR(100), PRIMARY KEY (v(10)));
			CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM;
			CREATE TABLE parts (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2;
			CREATE TABLE parent (id INT PRIMARY KEY);
			CREATE TABLE child (id INT PRIMARY KEY, p INT, CONSTRAINT casc FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
			CREATE TABLE bound (id INT PRIMARY KEY, p INT, CONSTRAINT kept FOREIGN KEY (p) REFERENCES parent (id) ON DELETE RESTRICT)`)
		other := "BLACKHOLE"
		if d.Flavor == servertest.MariaDB {
			other = "Aria"
		}
		d.Exec(t, "CREATE TABLE other (id INT PRIMARY KEY) ENGINE="+other)
		for name, want := range map[string]struct {
			severity source.Severity
			message  string
			fix      string
		}{
			"other": {source.Warning, other, "ENGINE = InnoDB"},
			"nokey": {source.Fatal, "no primary key", "PRIMARY KEY"}, "badkey": {source.Fatal, "key column v is double", "use an integer"},
			"prefixed": {source.Fatal, "key column v is varchar(100)", "first 10 characters"}, "old": {source.Warning, "MyISAM", "ENGINE = InnoDB"},
			"missing": {source.Fatal, "does not exist", "SHOW TABLES"}, "parts": {source.Note, "is partitioned", ""},
		} {
			table := source.Table{Schema: d.Name, Name: name}
			found := check(t, s, table.String(), table)
			if len(found) != 1 || found[0].Severity != want.severity || !strings.Contains(found[0].Message, want.message) || !strings.Contains(found[0].Fix, want.fix) {
				t.Errorf("%s: %+v", name, found)
			}
		}
		// MySQL 9.7 with its defaults writes cascades to its log.
		wantCascade(t, d, s, d.Flavor == servertest.MariaDB, "ADD CONSTRAINT `casc` FOREIGN KEY (`p`) REFERENCES `parent` (`id`);")
	})
	t.Run("native foreign keys", func(t *testing.T) {
		d := servertest.OpenSQL(t, servertest.MySQLNativeFK)
		s := openTest(t, d)
		d.Exec(t, `CREATE TABLE parent (id INT PRIMARY KEY);
			CREATE TABLE child (id INT PRIMARY KEY, p INT, CONSTRAINT casc FOREIGN KEY (p) REFERENCES parent (id) ON UPDATE SET NULL);
			CREATE TABLE bound (id INT PRIMARY KEY, p INT, CONSTRAINT kept FOREIGN KEY (p) REFERENCES parent (id) ON DELETE RESTRICT)`)
		wantCascade(t, d, s, true, "remove innodb_native_foreign_keys = ON")
	})
}

// wantCascade expects a warning of the foreign key that changes rows, if the log does not have them,
// and none of the one that does not. The statement that it gives can be run, and then all is well.
func wantCascade(t *testing.T, d *servertest.Database, s *Source, told bool, fix string) {
	t.Helper()
	child, bound := tableIn(d, "child"), tableIn(d, "bound")
	found := append(check(t, s, child.String(), child), check(t, s, bound.String(), bound)...)
	if !told {
		if len(found) > 0 {
			t.Errorf("%+v", found)
		}
		return
	}
	if len(found) != 1 || found[0].Severity != source.Warning || !strings.Contains(found[0].Message, "foreign key casc ") || !strings.Contains(found[0].Fix, fix) {
		t.Fatalf("%+v", found)
	}
	d.Exec(t, found[0].Fix[strings.Index(found[0].Fix, "ALTER TABLE"):])
	if found := check(t, s, child.String(), child); len(found) > 0 {
		t.Errorf("after the fix: %+v", found)
	}
}

// TestCheck_LogFilters: what the server leaves out of its log cannot be followed.
func TestCheck_LogFilters(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		for option, named := range map[string]string{"--binlog-do-db=kept": "binlog_do_db", "--binlog-ignore-db=left": "binlog_ignore_db"} {
			t.Run(string(f)+" "+option, func(t *testing.T) {
				t.Parallel()
				server := servertest.StartSQL(t, f, option, option+"_2")
				server.Exec(t, "CREATE DATABASE `kept`; CREATE DATABASE `left`; CREATE TABLE `kept`.a (id INT PRIMARY KEY); CREATE TABLE `left`.a (id INT PRIMARY KEY); CREATE TABLE `left`.b (id INT PRIMARY KEY)")
				s := openURL(t, server.ReplURL)
				found := check(t, s, "binlog_", source.Table{Schema: "kept", Name: "a"}, source.Table{Schema: "left", Name: "a"}, source.Table{Schema: "left", Name: "b"})
				if len(found) != 1 || found[0].Subject != named || found[0].Severity != source.Fatal || !strings.Contains(found[0].Message, " left: changes") {
					t.Errorf("%+v", found)
				}
				if found := check(t, s, "binlog_", source.Table{Schema: "kept", Name: "a"}); len(found) > 0 {
					t.Errorf("a schema that is logged: %+v", found)
				}
			})
		}
	}
}

// user makes an account with the grants given and a source that uses it.
func user(t *testing.T, d *servertest.Database, name string, grants ...string) *Source {
	t.Helper()
	account := "'" + name + d.Name + "'@'127.0.0.1'"
	d.Exec(t, "CREATE USER "+account+" IDENTIFIED BY 'secret'")
	t.Cleanup(func() { _, _ = d.DB.Exec("DROP USER " + account) })
	for _, g := range grants {
		d.Exec(t, "GRANT "+g+" TO "+account)
	}
	cfg := configOf(t, d.URL)
	cfg.User, cfg.Password = name+d.Name, password("secret")
	return openConfig(t, cfg)
}

func TestCheck_Grants(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE g (id INT PRIMARY KEY, v INT)")
		table := source.Table{Schema: d.Name, Name: "g"}
		status := "REPLICATION CLIENT"
		if d.Flavor == servertest.MariaDB {
			status = "BINLOG MONITOR"
		}
		enough := user(t, d, "a", "SELECT ON "+d.Name+".*", "REPLICATION SLAVE, "+status+" ON *.*")
		if found := append(check(t, enough, "grants", table), check(t, enough, table.String(), table)...); len(found) != 0 {
			t.Errorf("enough: %+v", found)
		}
		nothing := user(t, d, "b", "SELECT ON "+d.Name+".*")
		if found := check(t, nothing, "grants", table); len(found) != 2 || !strings.Contains(found[0].Fix+found[1].Fix, "GRANT REPLICATION SLAVE ON *.* TO 'b") {
			t.Errorf("no replication: %+v", found)
		}
		blind := user(t, d, "c", "REPLICATION SLAVE, "+status+" ON *.*")
		if found := check(t, blind, table.String(), table); len(found) != 1 || !strings.Contains(found[0].Fix, "GRANT SELECT") {
			t.Errorf("no select: %+v", found)
		}
	})
}

// TestCheck_Settings uses made-up settings: the servers of the tests have good ones.
func TestCheck_Settings(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		subject  string
		severity source.Severity
	}{
		"no log":            {map[string]string{"log_bin": "OFF"}, "log_bin", source.Fatal},
		"statement":         {map[string]string{"binlog_format": "STATEMENT"}, "binlog_format", source.Fatal},
		"mixed":             {map[string]string{"binlog_format": "MIXED"}, "binlog_format", source.Fatal},
		"minimal image":     {map[string]string{"binlog_row_image": "MINIMAL"}, "binlog_row_image", source.Note},
		"an hour":           {map[string]string{"binlog_expire_logs_seconds": "3600"}, "binlog_expire_logs_seconds", source.Fatal},
		"a day less":        {map[string]string{"binlog_expire_logs_seconds": "86399"}, "binlog_expire_logs_seconds", source.Warning},
		"by size":           {map[string]string{"max_binlog_total_size": "1000"}, "max_binlog_total_size", source.Warning},
		"half a day's days": {map[string]string{"binlog_expire_logs_seconds": "0", "expire_logs_days": "0.5"}, "binlog_expire_logs_seconds", source.Warning},
	} {
		for _, f := range []flavor{flavorMySQL, flavorMariaDB} {
			p := &preflight{server: server{flavor: f, serverID: 1, gtid: true}, settings: map[string]string{"binlog_row_metadata": "FULL", "binlog_format": "ROW", "log_bin": "ON"}}
			for k, v := range c.settings {
				p.settings[k] = v
			}
			p.log()
			p.retention()
			p.identity()
			if len(p.findings) != 1 || p.findings[0].Subject != c.subject || p.findings[0].Severity != c.severity {
				t.Errorf("%s on %v: %+v", name, f, p.findings)
			}
		}
	}
	p := &preflight{server: server{gtid: true}}
	p.identity()
	if len(p.findings) != 1 || p.findings[0].Subject != "server_id" {
		t.Errorf("server id 0: %+v", p.findings)
	}
}

// TestCheck_BadServers starts servers with the settings that people have.
func TestCheck_BadServers(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			server := servertest.StartSQL(t, f, "--binlog-format=STATEMENT", "--binlog-expire-logs-seconds=3600", "--binlog-row-image=MINIMAL", "--binlog-row-metadata=MINIMAL")
			s := openURL(t, server.ReplURL)
			for subject, severity := range map[string]source.Severity{
				"binlog_format": source.Fatal, "binlog_expire_logs_seconds": source.Fatal, "binlog_row_image": source.Note, "binlog_row_metadata": source.Note,
			} {
				if found := check(t, s, subject); len(found) != 1 || found[0].Severity != severity {
					t.Errorf("%s: %+v", subject, found)
				}
			}
			// What is said is to be run as it stands, up to where it speaks of a file.
			fix, _, _ := strings.Cut(check(t, s, "binlog_expire_logs_seconds")[0].Fix, ";")
			server.Exec(t, fix)
			if found := check(t, s, "binlog_expire_logs_seconds"); len(found) > 0 {
				t.Errorf("after %s: %+v", fix, found)
			}
			server.Stop(t)
			server.Start(t, "--skip-log-bin")
			if found := check(t, s, "log_bin"); len(found) != 1 || found[0].Severity != source.Fatal {
				t.Errorf("log_bin: %+v", found)
			}
		})
	}
}
