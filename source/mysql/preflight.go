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
'server_id','gtid_mode','binlog_expire_logs_seconds','expire_logs_days','log_replica_updates','log_slave_updates','innodb_native_foreign_keys',
'binlog_expire_logs_auto_purge','max_binlog_total_size','partial_revokes')`

// preflight is one call of Check.
type preflight struct {
	s        *Source
	server   server
	asked    facts // who runs it
	provider provider
	settings map[string]string // by lower-case name
	findings []source.Finding
}

// Check looks for what would keep the server or its tables from being followed.
func (s *Source) Check(ctx context.Context, tables []source.Table) ([]source.Finding, error) {
	p, err := s.newPreflight(ctx)
	if err != nil {
		return nil, err
	}
	p.behind()
	p.log()
	p.retention()
	p.identity()
	if err := p.grants(ctx, tables); err != nil {
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

func (s *Source) newPreflight(ctx context.Context) (*preflight, error) {
	info, err := s.probe(ctx, s.db)
	if err != nil {
		return nil, fmt.Errorf("check source: %w", s.hinted(err))
	}
	p := s.preflight(info)
	if err := eachPair(ctx, s.db, sqlSettings, p.settings); err != nil {
		return nil, fmt.Errorf("check source: settings: %w", err)
	}
	return p, nil
}

func (s *Source) preflight(info server) *preflight {
	return &preflight{s: s, server: info, asked: s.asked, provider: providerOf(s.asked), settings: map[string]string{}}
}

func (p *preflight) add(severity source.Severity, subject, message, fix string) {
	p.findings = append(p.findings, source.Finding{Severity: severity, Subject: subject, Message: message, Fix: fix})
}

// set is how a setting is changed for good on this server.
func (p *preflight) set(name, value string) string {
	if p.provider.set != nil {
		return p.provider.set(name, value)
	}
	if p.server.flavor == flavorMariaDB {
		return fmt.Sprintf("SET GLOBAL %s = %s; and %s = %s under [mariadb] in the server's configuration file", name, value, name, value)
	}
	return fmt.Sprintf("SET PERSIST %s = %s;", name, value)
}

// keepLonger is how the log is kept as long as is advised.
func (p *preflight) keepLonger() string {
	if p.provider.keep != nil {
		return p.provider.keep(int(adviseKept.Hours()))
	}
	return p.set("binlog_expire_logs_seconds", strconv.Itoa(int(adviseKept.Seconds())))
}

// is compares a setting, taking one the server does not have for absent.
func (p *preflight) is(name, value string) bool { return strings.EqualFold(p.settings[name], value) }

func (p *preflight) log() {
	if p.is("log_bin", "OFF") {
		p.add(source.Fatal, "log_bin", "the server keeps no binary log, so changes cannot be followed",
			p.restart("log_bin", "binlog"))
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

// behind says who runs the server, where that changes what there is to do.
func (p *preflight) behind() {
	if p.provider.name != "" {
		p.add(source.Note, "server", "is "+p.provider.name+", "+p.server.flavor.String()+" "+p.server.version, "")
	}
	if p.provider.doubt != "" {
		p.add(source.Warning, "server", p.provider.doubt, p.provider.advice)
	}
}

// retention looks whether the log is kept long enough that an outage is noticed before it is gone.
func (p *preflight) retention() {
	const setting = "binlog_expire_logs_seconds"
	if p.is("log_bin", "OFF") {
		return // which is told already
	}
	if p.provider.keep != nil {
		p.retentionByHours()
		return
	}
	if size := p.settings["max_binlog_total_size"]; size != "" && size != "0" {
		p.add(source.Warning, "max_binlog_total_size", "is "+size+": the log is dropped by its size, however short that is in time",
			"have it hold at least the changes of a day, or "+p.set("max_binlog_total_size", "0"))
	}
	age := expireAge(p.settings)
	if p.is("binlog_expire_logs_auto_purge", "OFF") || age == 0 {
		return // never by its age
	}
	if severity, message := kept(age); severity != 0 {
		p.add(severity, setting, "the log "+message, p.keepLonger())
	}
}

// retentionByHours is retention where the provider drops the log at an age of its own, whatever the setting says.
func (p *preflight) retentionByHours() {
	const subject = "binlog retention hours"
	fix := p.keepLonger()
	switch h, err := strconv.Atoi(p.asked.rdsHours); {
	case p.asked.rdsHours == "":
		p.add(source.Warning, subject, p.provider.name+" drops the log as soon as it does not need it itself, unless it was told to keep it; the account may not ask whether it was, or it was not",
			fix+" CALL mysql.rds_show_configuration; shows it")
	case err == nil:
		if severity, message := kept(time.Duration(h) * time.Hour); severity != 0 {
			p.add(severity, subject, "the log "+message, fix)
		}
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

// account is the name that a GRANT takes.
func (p *preflight) account(ctx context.Context) string {
	var name string
	if err := p.s.db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&name); err != nil {
		return "'" + p.s.cfg.User + "'"
	}
	user, host, _ := strings.Cut(name, "@")
	return "'" + user + "'@'" + host + "'"
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
			"GRANT REPLICA MONITOR ON *.* TO "+p.account(ctx)+"; or "+p.restart(setting, "ON"))
		return nil
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		p.add(source.Fatal, setting, "is OFF on a replica: the changes it receives are not in its log", p.restart(setting, "ON"))
	}
	return rows.Err()
}

// restart is how a setting is changed that the server reads at its start only.
func (p *preflight) restart(setting, value string) string {
	if p.provider.set != nil {
		return p.provider.set(setting, value)
	}
	return "add " + setting + " = " + value + " to the server's configuration file and restart it"
}
