package mysql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

const sqlSettings = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin','binlog_format','binlog_row_image','binlog_row_metadata',
'server_id','gtid_mode','binlog_expire_logs_seconds','expire_logs_days','log_replica_updates','log_slave_updates','innodb_native_foreign_keys')`

// preflight is one call of Check.
type preflight struct {
	s        *Source
	server   server
	settings map[string]string // by lower-case name
	findings []source.Finding
}

// Check looks for what would keep the server or its tables from being followed.
func (s *Source) Check(ctx context.Context, tables []source.Table) ([]source.Finding, error) {
	info, err := s.probe(ctx, s.db)
	if err != nil {
		return nil, fmt.Errorf("check source: %w", s.hinted(err))
	}
	p := &preflight{s: s, server: info, settings: map[string]string{}}
	if err := eachPair(ctx, s.db, sqlSettings, p.settings); err != nil {
		return nil, fmt.Errorf("check source: settings: %w", err)
	}
	p.log()
	p.retention()
	p.identity()
	if err := p.grants(ctx); err != nil {
		return nil, fmt.Errorf("check source: grants: %w", err)
	}
	if err := p.replica(ctx); err != nil {
		return nil, fmt.Errorf("check source: replication: %w", err)
	}
	if err := p.xa(ctx); err != nil {
		return nil, fmt.Errorf("check source: XA transactions: %w", err)
	}
	if err := p.filters(ctx, tables); err != nil {
		return nil, fmt.Errorf("check source: filters of the log: %w", err)
	}
	if err := p.tables(ctx, tables); err != nil {
		return nil, fmt.Errorf("check source: %w", err)
	}
	slices.SortStableFunc(p.findings, func(a, b source.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return p.findings, nil
}

func (p *preflight) add(severity source.Severity, subject, message, fix string) {
	p.findings = append(p.findings, source.Finding{Severity: severity, Subject: subject, Message: message, Fix: fix})
}

// set is how a setting is changed for good on this server.
func (p *preflight) set(name, value string) string {
	if p.server.flavor == flavorMariaDB {
		return fmt.Sprintf("SET GLOBAL %s = %s; and %s = %s under [mariadb] in the server's configuration file", name, value, name, value)
	}
	return fmt.Sprintf("SET PERSIST %s = %s;", name, value)
}

// is compares a setting, taking one the server does not have for absent.
func (p *preflight) is(name, value string) bool { return strings.EqualFold(p.settings[name], value) }

func (p *preflight) log() {
	if p.is("log_bin", "OFF") {
		p.add(source.Fatal, "log_bin", "the server keeps no binary log, so changes cannot be followed",
			"add log_bin = binlog to the server's configuration file and restart it")
		return
	}
	// A server that has no such setting any more knows only rows.
	if format, ok := p.settings["binlog_format"]; ok && format != "ROW" {
		p.add(source.Fatal, "binlog_format", "is "+format+": the log does not say which rows a statement changed",
			p.set("binlog_format", "ROW")+" Sessions that are open keep their format until they reconnect.")
	}
	if image := p.settings["binlog_row_image"]; image == "MINIMAL" || image == "NOBLOB" {
		p.add(source.Note, "binlog_row_image", "is "+image+", which is enough: the key is in every row image", "")
	}
	if !p.is("binlog_row_metadata", "FULL") {
		p.add(source.Note, "binlog_row_metadata",
			"is not FULL: the log does not name columns, so a table that is altered while nobody follows is copied again",
			p.set("binlog_row_metadata", "FULL"))
	}
}

// retention warns of a log that is gone before a weekend outage is noticed.
func (p *preflight) retention() {
	seconds, _ := strconv.ParseFloat(p.settings["binlog_expire_logs_seconds"], 64)
	if days, _ := strconv.ParseFloat(p.settings["expire_logs_days"], 64); seconds == 0 {
		seconds = days * 24 * 3600
	}
	keep := time.Duration(seconds * float64(time.Second))
	if keep > 0 && keep < 24*time.Hour {
		p.add(source.Warning, "binlog_expire_logs_seconds",
			fmt.Sprintf("the log is kept for %v only: a longer pause needs a new backfill", keep), p.set("binlog_expire_logs_seconds", "604800"))
	}
}

func (p *preflight) identity() {
	if p.server.serverID == 0 {
		p.add(source.Fatal, "server_id", "is 0: the server serves its log to nobody", p.set("server_id", "1"))
	}
	if !p.server.gtid {
		p.add(source.Note, "gtid_mode",
			"is "+p.settings["gtid_mode"]+": reads have to lock the rows they read for a moment, and a position is good on this very server only, not after a failover",
			"turn GTIDs on in steps: https://dev.mysql.com/doc/refman/8.4/en/replication-mode-change-online-enable-gtids.html")
	}
}

// grants compares what the account may do with what following takes.
func (p *preflight) grants(ctx context.Context) error {
	have, err := p.globalPrivileges(ctx)
	if err != nil {
		return err
	}
	status := "REPLICATION CLIENT"
	if p.server.flavor == flavorMariaDB {
		status = "BINLOG MONITOR"
	}
	for privilege, why := range map[string]string{
		"REPLICATION SLAVE": "the log cannot be read",
		status:              "the position of the log cannot be asked for",
	} {
		if !have[privilege] && !have["ALL PRIVILEGES"] && !(privilege == status && have["SUPER"]) {
			p.add(source.Fatal, "grants", "the account lacks "+privilege+": "+why,
				fmt.Sprintf("GRANT %s ON *.* TO %s;", privilege, p.account(ctx)))
		}
	}
	return nil
}

// account is the name that a GRANT takes.
func (p *preflight) account(ctx context.Context) string {
	var name string
	if err := p.s.db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&name); err != nil {
		return "'" + p.s.cfg.User + "'"
	}
	user, host, _ := strings.Cut(name, "@")
	return "'" + user + "'@'" + host + "'"
}

// globalPrivileges lists what SHOW GRANTS says of *.*, with the active roles.
func (p *preflight) globalPrivileges(ctx context.Context) (map[string]bool, error) {
	statement := "SHOW GRANTS"
	if p.server.flavor == flavorMySQL {
		var roles string
		if err := p.s.db.QueryRowContext(ctx, "SELECT CURRENT_ROLE()").Scan(&roles); err != nil {
			return nil, err
		}
		if roles != "NONE" {
			statement = "SHOW GRANTS FOR CURRENT_USER() USING " + roles
		}
	}
	rows, err := p.s.db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := map[string]bool{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		list, _, ok := strings.Cut(strings.TrimPrefix(line, "GRANT "), " ON *.* TO ")
		if !ok {
			continue
		}
		for privilege := range strings.SplitSeq(list, ", ") {
			have[privilege] = true
		}
	}
	return have, rows.Err()
}

// replica finds out whether the server is a replica that keeps what it receives out of its log.
func (p *preflight) replica(ctx context.Context) error {
	if !p.is("log_replica_updates", "OFF") && !p.is("log_slave_updates", "OFF") {
		return nil
	}
	statement, setting := "SHOW REPLICA STATUS", "log_replica_updates"
	if p.server.flavor == flavorMariaDB {
		setting = "log_slave_updates"
	}
	if p.server.flavor == flavorMySQL && !p.server.atLeast(8, 1) {
		statement, setting = "SHOW SLAVE STATUS", "log_slave_updates" // the new words came in the middle of 8.0
	}
	rows, err := p.s.db.QueryContext(ctx, statement)
	if isErrno(err, errPrivilege) {
		p.add(source.Note, setting, "is OFF, and the account may not ask whether this server is a replica: if it is, the changes it receives are not in its log",
			"GRANT REPLICA MONITOR ON *.* TO "+p.account(ctx)+"; or "+p.restart(setting))
		return nil
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		p.add(source.Fatal, setting, "is OFF on a replica: the changes it receives are not in its log", p.restart(setting))
	}
	return rows.Err()
}

func (p *preflight) restart(setting string) string {
	return "add " + setting + " = ON to the server's configuration file and restart it"
}
