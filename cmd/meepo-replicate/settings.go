package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// usedBy says which commands a setting matters to, so that each command's help lists its own
// flags only.
type usedBy uint8

const (
	byRun usedBy = 1 << iota
	byCheck
	byStatus
	byEvents
	byInit
	byDDL
	byCompare // verify and what else holds both sides against each other
	byAll     = byRun | byCheck | byStatus | byEvents | byDDL | byCompare
)

// setting is one thing that can be said on the command line, in a variable and in the file. All
// three are made from this table, so that they cannot differ.
type setting struct {
	key    string // its path in the file; empty: not in the file
	flag   string // empty: no flag, because ps would show its value
	value  string // what the help calls its value
	def    string
	usage  string
	oneOf  []string
	uses   usedBy
	path   bool // relative paths in the file are taken from the file's folder
	secret bool // its value is never shown
	// into points to the field of the configuration that takes the value: a *string, *bool,
	// *float64, *uint32, *time.Duration or *[]string.
	into func(c *config) any
}

const (
	sourceSide = byRun | byCheck | byEvents | byInit | byDDL | byCompare
	targetSide = byRun | byCheck | byInit | byDDL | byCompare
)

var settings = []setting{
	{flag: "config", value: "FILE", path: true, uses: byAll,
		usage: "configuration file (default ./" + defaultConfigFile + " where there is one)",
		into:  func(c *config) any { return &c.File }},

	{key: "source.url", flag: "source", value: "URL", uses: sourceSide,
		usage: "the source, as mysql://user@host:3306/database, mariadb://… or postgres://user@host:5432/database",
		into:  func(c *config) any { return &c.Source.URL }},
	{key: "source.password", value: "TEXT", uses: sourceSide, secret: true,
		usage: "the source user's password",
		into:  func(c *config) any { return &c.Source.Password.Text }},
	{key: "source.password_file", flag: "source-password-file", value: "FILE", uses: sourceSide, path: true,
		usage: "file with the source user's password, read again at every connect",
		into:  func(c *config) any { return &c.Source.Password.File }},
	{key: "source.tls.mode", flag: "source-tls-mode", value: "MODE", uses: sourceSide,
		oneOf: []string{"disabled", "preferred", "required", "verify-ca", "verify-full"},
		usage: "TLS to the source (default verify-full, on loopback preferred)",
		into:  func(c *config) any { return &c.Source.TLS.Mode }},
	{key: "source.tls.ca_file", flag: "source-tls-ca-file", value: "FILE", uses: sourceSide, path: true,
		usage: "certificates that may sign the source's certificate (default the system's)",
		into:  func(c *config) any { return &c.Source.TLS.CAFile }},
	{key: "source.tls.cert_file", flag: "source-tls-cert-file", value: "FILE", uses: sourceSide, path: true,
		usage: "our certificate for the source",
		into:  func(c *config) any { return &c.Source.TLS.CertFile }},
	{key: "source.tls.key_file", flag: "source-tls-key-file", value: "FILE", uses: sourceSide, path: true,
		usage: "the private key of our certificate",
		into:  func(c *config) any { return &c.Source.TLS.KeyFile }},
	{key: "source.tls.server_name", flag: "source-tls-server-name", value: "NAME", uses: sourceSide,
		usage: "the name in the source's certificate (default the URL's host)",
		into:  func(c *config) any { return &c.Source.TLS.ServerName }},
	{key: "source.server_id", flag: "source-server-id", value: "N", uses: byRun | byEvents | byInit,
		usage: "our replica id on the source, not used by another replica (default a random free one)",
		into:  func(c *config) any { return &c.Source.ServerID }},
	{key: "source.ignore_statements", flag: "source-ignore-statements", value: "LIST", uses: byRun | byEvents | byInit,
		usage: "tables, as percona.heartbeat, whose changes the log may hold as statements because they change no other table",
		into:  func(c *config) any { return &c.Source.IgnoreStatements }},
	{key: "source.slot", flag: "source-slot", value: "NAME", uses: sourceSide,
		usage: "PostgreSQL: the replication slot, made where it is missing; every run has its own (default meepo)",
		into:  func(c *config) any { return &c.Source.Slot }},
	{key: "source.publication", flag: "source-publication", value: "NAME", uses: sourceSide,
		usage: "PostgreSQL: the publication, made and extended where the account may do that (default meepo)",
		into:  func(c *config) any { return &c.Source.Publication }},
	{key: "source.read_url", flag: "source-read-url", value: "URL", uses: sourceSide,
		usage: "PostgreSQL: a streaming standby to read rows from, as postgres://standby:5432; account, database and TLS are the source's unless it names others",
		into:  func(c *config) any { return &c.Source.ReadURL }},
	{key: "source.heartbeat", flag: "source-heartbeat", value: "TIME", def: "10s", uses: sourceSide,
		usage: "PostgreSQL: while the database is idle, a message is written to the log this often, so that the slot moves on; 0 for none",
		into:  func(c *config) any { return &c.Source.Heartbeat }},

	{key: "target.kind", flag: "target", value: "KIND", uses: targetSide, oneOf: targetNames(),
		usage: "where to copy to",
		into:  func(c *config) any { return &c.Target.Kind }},
	{key: "target.url", flag: "target-url", value: "URL", uses: targetSide,
		usage: "the target, as http://localhost:9200",
		into:  func(c *config) any { return &c.Target.URL }},
	{key: "target.user", flag: "target-user", value: "NAME", uses: targetSide,
		usage: "user at the target",
		into:  func(c *config) any { return &c.Target.User }},
	{key: "target.password", value: "TEXT", uses: targetSide, secret: true,
		usage: "the target user's password",
		into:  func(c *config) any { return &c.Target.Password.Text }},
	{key: "target.password_file", flag: "target-password-file", value: "FILE", uses: targetSide, path: true,
		usage: "file with the target user's password, read again at every connect",
		into:  func(c *config) any { return &c.Target.Password.File }},
	{key: "target.api_key", value: "TEXT", uses: targetSide, secret: true,
		usage: "API key of the target, instead of user and password",
		into:  func(c *config) any { return &c.Target.APIKey.Text }},
	{key: "target.api_key_file", flag: "target-api-key-file", value: "FILE", uses: targetSide, path: true,
		usage: "file with the target's API key, read again at every connect",
		into:  func(c *config) any { return &c.Target.APIKey.File }},
	{key: "target.ca_file", flag: "target-ca-file", value: "FILE", uses: targetSide, path: true,
		usage: "certificates that may sign the target's certificate (default the system's)",
		into:  func(c *config) any { return &c.Target.CAFile }},
	{key: "target.fingerprint", flag: "target-fingerprint", value: "HEX", uses: targetSide,
		usage: "SHA-256 fingerprint of the target's certificate authority",
		into:  func(c *config) any { return &c.Target.Fingerprint }},
	{key: "target.version_column", flag: "target-version-column", value: "NAME", uses: targetSide,
		usage: "PostgreSQL: a column for the version of each row, so that no write of anybody's replaces one with a higher version",
		into:  func(c *config) any { return &c.Target.VersionColumn }},

	{key: "state", flag: "state", value: "FILE", def: "./meepo-state.db", uses: byRun | byCheck | byStatus | byInit | byCompare, path: true,
		usage: "file that keeps positions and progress",
		into:  func(c *config) any { return &c.State }},
	{key: "tables", flag: "tables", value: "LIST", uses: sourceSide,
		usage: "tables to copy, as shop.orders,crm.* with * ? [a-z]; without a dot: of the URL's database",
		into:  func(c *config) any { return &c.Tables }},
	{key: "all_tables", flag: "all-tables", uses: sourceSide,
		usage: "copy all tables of the URL's database; if the URL names none, of all databases",
		into:  func(c *config) any { return &c.AllTables }},
	{key: "mappings", flag: "mappings", value: "FILES", uses: sourceSide &^ byInit, path: true,
		usage: "files that say what goes where, and how",
		into:  func(c *config) any { return &c.MappingFiles }},
	{key: "once", flag: "once", uses: byRun,
		usage: "copy, catch up to the position at the copy's end, and exit",
		into:  func(c *config) any { return &c.Once }},
	{key: "follow_only", flag: "follow-only", uses: byRun,
		usage: "copy nothing, only follow the changes from now on",
		into:  func(c *config) any { return &c.FollowOnly }},
	{key: "rate", flag: "rate", value: "N", def: "0", uses: byRun | byCompare,
		usage: "rows per second to read from the source at most, 0 for no limit",
		into:  func(c *config) any { return &c.Rate }},
	{key: "on_truncate", flag: "on-truncate", value: "WHAT", def: "propagate", uses: byRun,
		oneOf: []string{"propagate", "ignore", "stop"},
		usage: "what a TRUNCATE in the source does",
		into:  func(c *config) any { return &c.OnTruncate }},
	{key: "on_fault", flag: "on-fault", value: "WHAT", def: "park", uses: byRun, oneOf: []string{"park", "stop"},
		usage: "what a fault of one mapping does: park leaves that mapping alone until resume, stop ends the run",
		into:  func(c *config) any { return &c.OnFault }},
	{key: "on_schema_change", flag: "on-schema-change", value: "WHAT", def: "auto", uses: byRun | byCheck,
		oneOf: []string{"auto", "evolve", "ignore", "park", "stop"},
		usage: "what a changed column does where its mapping does not say; auto is evolve where nothing can be lost, otherwise park",
		into:  func(c *config) any { return &c.OnSchemaChange }},
	{key: "max_rejected", flag: "max-rejected", value: "SHARE", def: "0.25", uses: byRun,
		usage: "share of 1000 documents of a mapping in a row that may be rejected; more is a fault of the mapping; 1 for all",
		into:  func(c *config) any { return &c.MaxRejected }},
	{key: "max_destinations", flag: "max-destinations", value: "N", def: "1000", uses: byRun,
		usage: "destinations that a mapping may have whose \"to\" holds columns; one more is a fault of the mapping",
		into:  func(c *config) any { return &c.MaxDestinations }},
	{key: "listen", flag: "listen", value: "ADDRESS", uses: byRun,
		usage: "serve /metrics, /healthz and /readyz there, as 127.0.0.1:9187 (default off)",
		into:  func(c *config) any { return &c.Listen }},
	{flag: "fresh", uses: byRun,
		usage: "begin anew this time: copy everything again, and remove documents that no row stands for",
		into:  func(c *config) any { return &c.Fresh }},
	{flag: "accept-stale", value: "LIST", uses: byRun,
		usage: "mappings, or all, that are followed although they were edited, without a copy: documents stay as they are until their rows change",
		into:  func(c *config) any { return &c.AcceptStale }},
	{key: "log_format", flag: "log-format", value: "FORMAT", def: "text", uses: byAll, oneOf: []string{"text", "json"},
		usage: "how log lines look",
		into:  func(c *config) any { return &c.LogFormat }},
	{key: "log_level", flag: "log-level", value: "LEVEL", def: "info", uses: byAll,
		oneOf: []string{"debug", "info", "warn", "error"},
		usage: "log lines of this level and above",
		into:  func(c *config) any { return &c.LogLevel }},
}

// env is the variable that means the same.
func (s *setting) env() string {
	name := s.flag
	if name == "" {
		name = s.key
	}
	return envPrefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// assign parses text into the setting's field.
func (s *setting) assign(c *config, texts []string) error {
	text := strings.TrimSpace(strings.Join(texts, ","))
	if len(s.oneOf) > 0 && text != "" {
		if err := checkOneOf(text, s.oneOf); err != nil {
			return err
		}
	}
	switch into := s.into(c).(type) {
	case *string:
		*into = text
		if s.secret {
			*into = strings.Join(texts, ",")
		}
	case *[]string:
		*into = splitList(texts)
	case *bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*into = v
	case *float64:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0) || v > 1e12 {
			return fmt.Errorf("%q is not a number from 0 up", text)
		}
		*into = v
	case *uint32:
		v, err := strconv.ParseUint(text, 10, 32)
		if err != nil || v == 0 {
			return fmt.Errorf("%q is not a number from 1 to 4294967295", text)
		}
		*into = uint32(v)
	case *time.Duration:
		v, err := time.ParseDuration(text)
		if err != nil || v < 0 {
			return fmt.Errorf("%q is not a time from 0 up, as 500ms, 10s or 5m", text)
		}
		*into = v
	default:
		return fmt.Errorf("setting %s has no parser for %T", s.name(), into)
	}
	return nil
}

// name is what the file, or the command line if the file has no such key, calls it.
func (s *setting) name() string {
	if s.key != "" {
		return s.key
	}
	return "--" + s.flag
}

// boolean reports whether the flag may stand without a value.
func (s *setting) boolean() bool {
	_, ok := s.into(&config{}).(*bool)
	return ok
}

// list reports whether the setting takes several values.
func (s *setting) list() bool {
	_, ok := s.into(&config{}).(*[]string)
	return ok
}

func splitList(texts []string) []string {
	var items []string
	for _, text := range texts {
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

func checkOneOf(text string, allowed []string) error {
	for _, a := range allowed {
		if text == a {
			return nil
		}
	}
	err := fmt.Errorf("%q is not one of %s", text, strings.Join(allowed, ", "))
	if near := nearest(text, allowed); near != "" {
		err = fmt.Errorf("%w: did you mean %q?", err, near)
	}
	return err
}

// addFlags gives a command the flags of the settings that it uses. Their values stay text, since
// each is parsed in one place, whichever way it comes.
func addFlags(flags *pflag.FlagSet, use usedBy) {
	for i := range settings {
		s := &settings[i]
		if s.flag == "" || s.uses&use == 0 {
			continue
		}
		flag := flags.VarPF(&textFlag{kind: s.value}, s.flag, "", s.help())
		if s.boolean() {
			flag.NoOptDefVal = "true"
		}
	}
}

func (s *setting) help() string {
	text := s.usage
	if len(s.oneOf) > 1 {
		text += ": " + strings.Join(s.oneOf, ", ")
	} else if len(s.oneOf) == 1 {
		text += ": " + s.oneOf[0]
	}
	if s.def != "" && s.def != "0" {
		text += " (default " + s.def + ")"
	}
	return text
}

// textFlag keeps what was typed, once per occurrence.
type textFlag struct {
	kind  string
	texts []string
}

// String is empty: defaults are written in the usage, and what was typed may be secret.
func (f *textFlag) String() string { return "" }

// Set keeps one more value.
func (f *textFlag) Set(text string) error {
	f.texts = append(f.texts, text)
	return nil
}

// Type is what the help calls the value.
func (f *textFlag) Type() string {
	if f.kind == "" {
		return "bool" // so that the help shows no value
	}
	return f.kind
}
