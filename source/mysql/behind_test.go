package mysql

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestProviderOf: what servers and proxies are known to say of themselves, and what is said of them then.
func TestProviderOf(t *testing.T) {
	plain := facts{host: "db", version: "8.4.3", comment: "MySQL Community Server - GPL", greeting: "8.4.3"}
	with := func(change func(f *facts)) facts {
		f := plain
		f.settings = map[string]string{"basedir": "/usr/"}
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		facts           facts
		name            string
		refused, doubt  string
		advice, setting string // parts of them
	}{
		"a server":    {facts: plain},
		"MariaDB":     {facts: with(func(f *facts) { f.version, f.greeting = "10.11.6-MariaDB", "5.5.5-10.11.6-MariaDB" })},
		"TiDB":        {facts: with(func(f *facts) { f.version = "8.0.11-TiDB-v8.5.0" }), name: "TiDB", refused: "has no binary log", advice: "TiCDC"},
		"Vitess":      {facts: with(func(f *facts) { f.version = "8.0.30-Vitess" }), name: "Vitess", refused: "gateway serves no binary log", advice: "behind a tablet"},
		"PlanetScale": {facts: with(func(f *facts) { f.host, f.version = "aws.connect.psdb.cloud", "8.0.30-Vitess" }), name: "PlanetScale", refused: "PlanetScale", advice: "serves its log"},
		"ProxySQL":    {facts: with(func(f *facts) { f.comment = "(ProxySQL)" }), name: "ProxySQL", refused: "serves no binary log", advice: "behind it"},
		"SingleStore": {facts: with(func(f *facts) { f.comment = "SingleStoreDB source distribution" }), name: "SingleStore", refused: "has no binary log", advice: "MySQL"},
		"MaxScale":    {facts: with(func(f *facts) { f.greeting, f.proxied = "5.5.5-10.11.6 24.02.1-maxscale", true }), name: "MaxScale", doubt: "different servers", advice: "behind it"},
		"some proxy":  {facts: with(func(f *facts) { f.proxied = true }), doubt: "a proxy stands between", advice: "behind it"},
		"RDS":         {facts: with(func(f *facts) { f.settings["basedir"] = "/rdsdbbin/mysql-8.0.35.R2/" }), name: "Amazon RDS", setting: "binlog_format = ROW in the DB parameter group"},
		"RDS by name": {facts: with(func(f *facts) { f.host = "db.abc.eu-west-1.RDS.amazonaws.com" }), name: "Amazon RDS", setting: "the DB parameter group"},
		"Aurora":      {facts: with(func(f *facts) { f.settings["aurora_version"], f.settings["innodb_read_only"] = "3.05.2", "OFF" }), name: "Amazon Aurora", setting: "the DB cluster parameter group"},
		"Aurora reader": {facts: with(func(f *facts) { f.settings["aurora_version"], f.settings["innodb_read_only"] = "3.05.2", "ON" }), name: "Amazon Aurora",
			refused: "a reader of Amazon Aurora", advice: "the writer", setting: "the DB cluster parameter group"},
		"RDS Proxy": {facts: with(func(f *facts) { f.host, f.proxied = "p.proxy-abc.eu-west-1.rds.amazonaws.com", true }), name: "Amazon RDS", doubt: "RDS Proxy", advice: "endpoint", setting: "parameter group"},
		"Cloud SQL": {facts: with(func(f *facts) { f.version, f.comment = "8.0.31-google", "(Google)" }), name: "Google Cloud SQL", setting: "gcloud sql instances patch INSTANCE --database-flags=binlog_format=ROW"},
		"Azure":     {facts: with(func(f *facts) { f.host = "shop.mysql.database.azure.com" }), name: "Azure Database", setting: "az mysql flexible-server parameter set"},
	} {
		p := providerOf(c.facts)
		setting := ""
		if p.set != nil {
			setting = p.set("binlog_format", "ROW")
		}
		for _, part := range [][3]string{{"refusal", p.refused, c.refused}, {"doubt", p.doubt, c.doubt}, {"advice", p.advice, c.advice}, {"setting", setting, c.setting}} {
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
}

// TestRetention_OfRDS: there the setting says nothing.
func TestRetention_OfRDS(t *testing.T) {
	rds := facts{settings: map[string]string{"basedir": "/rdsdbbin/mysql/"}}
	for hours, want := range map[string]source.Severity{"": source.Warning, "1": source.Fatal, "12": source.Warning, "24": 0} {
		f := rds
		f.rdsHours = hours
		p := &preflight{server: server{flavor: flavorMySQL}, asked: f, provider: providerOf(f), settings: map[string]string{"log_bin": "ON", "binlog_expire_logs_seconds": "60"}}
		p.retention()
		if want == 0 && len(p.findings) == 0 {
			continue
		}
		if len(p.findings) != 1 || p.findings[0].Severity != want || !strings.Contains(p.findings[0].Fix, "CALL mysql.rds_set_configuration('binlog retention hours', 72);") {
			t.Errorf("%q hours: %+v", hours, p.findings)
		}
	}
}

// TestAskBehind: real servers are nobody's, and a way through a proxy that passes bytes on is none that is worth a word.
func TestAskBehind(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		f := s.asked
		if f.version == "" || f.comment == "" || f.greeting == "" || f.proxied || f.settings["basedir"] == "" {
			t.Errorf("%+v", f)
		}
		if p := providerOf(f); p.name != "" || p.doubt != "" || p.refused != "" {
			t.Errorf("%+v", p)
		}
		if found := check(t, s, "server"); len(found) > 0 {
			t.Errorf("%+v", found)
		}
	})
}

// renumbering passes connections on, and tells the client another number of its connection than the server's, as a pooler does.
func renumbering(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go renumber(client, to)
		}
	}()
	return l.Addr().String()
}

func renumber(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	first := make([]byte, 4096)
	n, err := server.Read(first)
	if err != nil {
		return
	}
	for i := 5; i < n; i++ {
		if first[i] == 0 { // the end of the version
			first[i+1] ^= 0x55
			break
		}
	}
	if _, err := client.Write(first[:n]); err != nil {
		return
	}
	go func() { _, _ = io.Copy(server, client); server.Close() }()
	_, _ = io.Copy(client, server)
}

// TestAskBehind_Pooler: a server that counts the connection by another number is not the one that was reached.
func TestAskBehind_Pooler(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQL)
	cfg := configOf(t, d.ReplURL)
	cfg.Addr = renumbering(t, cfg.Addr)
	found := check(t, openConfig(t, cfg), "server")
	if len(found) != 1 || found[0].Severity != source.Warning || !strings.Contains(found[0].Message, "a proxy stands between") {
		t.Errorf("%+v", found)
	}
}
