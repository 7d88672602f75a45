package mysql

import (
	"fmt"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// facts are what a server and the way to it tell of who runs it.
type facts struct {
	host     string // of the URL
	version  string // as VERSION() has it, which proxies of their own versions answer themselves
	comment  string // @@version_comment
	greeting string // the version that was said before the login
	proxied  bool   // the connection that the server counts is not the one that was made
	settings map[string]string
	rdsHours string // RDS and Aurora: for how many hours the log is kept; empty: not known
}

// provider is who runs a server, or what stands before it, as far as that changes what an operator has to do.
type provider struct {
	name    string // empty: nothing is known of it
	refused string // why it can be no source; empty: it can
	advice  string // for one that is refused, or doubtful
	doubt   string // why it may not work; empty: nothing is known against it
	// set is how a setting is changed for good. Nil: by SQL and the configuration file.
	set func(name, value string) string
	// keep is how the log is kept for some hours. Nil: by its setting.
	keep func(hours int) string
}

// providerOf tells who runs a server. It decides by what it is given alone.
func providerOf(f facts) provider {
	says := func(words ...string) bool {
		for _, text := range []string{f.version, f.comment, f.greeting} {
			for _, word := range words {
				if strings.Contains(strings.ToLower(text), word) {
					return true
				}
			}
		}
		return false
	}
	at := func(suffixes ...string) bool { return hostIn(f.host, suffixes...) }
	switch _, aurora := f.settings["aurora_version"]; {
	case says("tidb"): // https://docs.pingcap.com/tidb/stable/mysql-compatibility
		return provider{name: "TiDB", refused: "it is TiDB, which has no binary log of MySQL's", advice: "its changes are told by TiCDC only"}
	case at("psdb.cloud", "psdb.io"): // https://planetscale.com/docs/vitess/integrations
		return provider{name: "PlanetScale", refused: "it is PlanetScale, whose Vitess serves no binary log", advice: "replicate from a MySQL server that serves its log"}
	case says("vitess"): // https://vitess.io/docs/reference/vreplication/vstream/
		return provider{name: "Vitess", refused: "it is Vitess, whose gateway serves no binary log", advice: "name the MySQL server behind a tablet, one shard each, not the gateway"}
	case says("proxysql"): // https://proxysql.com/documentation/
		return provider{name: "ProxySQL", refused: "it is ProxySQL, which serves no binary log", advice: "name the MySQL server behind it, with its own port"}
	case says("singlestore", "memsql"):
		return provider{name: "SingleStore", refused: "it is SingleStore, which has no binary log of MySQL's", advice: "replicate from MySQL or MariaDB"}
	case says("maxscale"): // https://mariadb.com/docs/maxscale
		return provider{name: "MaxScale", doubt: "it is MaxScale: rows and log may come from different servers, and a router that splits statements serves no log",
			advice: "name the server behind it, with its own port"}
	case aurora, at("rds.amazonaws.com", "rds.amazonaws.com.cn"), strings.HasPrefix(f.settings["basedir"], "/rdsdbbin"):
		return amazon(f, aurora)
	case says("-google", "(google)"): // https://cloud.google.com/sql/docs/mysql/flags
		return provider{name: "Google Cloud SQL", set: func(name, value string) string {
			if name == "log_bin" {
				return "gcloud sql instances patch INSTANCE --enable-bin-log"
			}
			return fmt.Sprintf("gcloud sql instances patch INSTANCE --database-flags=%s=%s, with the flags that are set already, which it would reset", name, value)
		}}
	case at("mysql.database.azure.com", "mariadb.database.azure.com"), says("-azure"): // https://learn.microsoft.com/azure/mysql/flexible-server/concepts-server-parameters
		return provider{name: "Azure Database", set: func(name, value string) string {
			return fmt.Sprintf("az mysql flexible-server parameter set --resource-group GROUP --server-name SERVER --name %s --value %s", name, value)
		}}
	case f.proxied:
		return provider{doubt: "a proxy stands between: the server counts this connection by another number. Rows and log may come from different servers",
			advice: "name the server behind it, if the log cannot be read this way"}
	}
	return provider{}
}

// amazon is RDS and Aurora. Settings are those of a parameter group, and the log is kept by a procedure:
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-stored-proc-configuring.html
func amazon(f facts, aurora bool) provider {
	p := provider{name: "Amazon RDS", keep: func(hours int) string {
		return fmt.Sprintf("CALL mysql.rds_set_configuration('binlog retention hours', %d);", hours)
	}}
	group := "the DB parameter group"
	if aurora || strings.Contains(f.host, ".cluster-") {
		p.name, group = "Amazon Aurora", "the DB cluster parameter group"
	}
	p.set = func(name, value string) string {
		if name == "log_bin" { // there is no such parameter: the log is there when something needs it
			if p.name == "Amazon Aurora" { // https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_LogAccess.MySQL.BinaryFormat.html
				return "set binlog_format = ROW in " + group + ", and reboot the writer"
			}
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQL.BinaryFormat.html
			return "turn on automated backups (a retention period of at least one day): that turns on the binary log"
		}
		return fmt.Sprintf("set %s = %s in %s, and reboot the instance if the parameter is a static one", name, value, group)
	}
	switch on := strings.EqualFold(f.settings["innodb_read_only"], "ON") || f.settings["innodb_read_only"] == "1"; {
	case p.name == "Amazon Aurora" && (on || strings.Contains(f.host, ".cluster-ro-")):
		p.refused, p.advice = "it is a reader of Amazon Aurora, which has no binary log", "name the writer: the cluster endpoint, without -ro"
	case strings.Contains(f.host, ".proxy-"):
		p.doubt, p.advice = "it is Amazon RDS Proxy: sessions share connections, and the log is not served by it", "name the endpoint of the instance or the cluster"
	}
	return p
}

// hostIn reports whether a host is one of these, or below one.
func hostIn(host string, suffixes ...string) bool {
	host = strings.ToLower(host)
	for _, suffix := range suffixes {
		if host == suffix || strings.HasSuffix(host, "."+suffix) {
			return true
		}
	}
	return false
}

// refusal is an error that says by name why the server can be no source; nil: it can.
func (p provider) refusal() error {
	if p.refused == "" {
		return nil
	}
	return &source.HintError{Err: fmt.Errorf("%w: %s", errRefused, p.refused), Advice: p.advice}
}

const (
	// leastKept is how long a log has to be kept at least: a copy of a table that takes longer cannot be followed up.
	leastKept = time.Hour
	// enoughKept is how long it should be kept: somebody notices an outage within a day.
	enoughKept = 24 * time.Hour
	// adviseKept is what is advised: a weekend, and the Monday to look into it.
	adviseKept = 72 * time.Hour
)

// kept is what there is to say of a log that is dropped at an age.
func kept(age time.Duration) (source.Severity, string) {
	switch text := "is kept for " + hours(age); {
	case age <= leastKept:
		return source.Fatal, text + " only: a longer stop, or a copy that takes longer, loses the place in it, and everything is copied anew"
	case age < enoughKept:
		return source.Warning, text + " only: a longer stop loses the place in it, and everything is copied anew"
	}
	return 0, ""
}

// hours prints a time without zeros: 1h, 30m, 36h.
func hours(d time.Duration) string {
	text := d.Round(time.Second).String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}
