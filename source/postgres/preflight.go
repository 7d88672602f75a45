package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// preflight is one call of Check.
type preflight struct {
	s        *Source
	provider provider
	findings []source.Finding
}

const sqlSettings = `SELECT current_setting('wal_level'), (SELECT setting::int8 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots),
current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'),
coalesce((SELECT CASE unit WHEN 'min' THEN setting::int8 * 60 ELSE setting::int8 END FROM pg_settings WHERE name = 'idle_replication_slot_timeout'), 0)`

func (s *Source) newPreflight() *preflight {
	return &preflight{s: s, provider: providerOf(s.asked)}
}

// Check looks for what would keep the server or its tables from being followed.
func (s *Source) Check(ctx context.Context, tables []source.Table) ([]source.Finding, error) {
	p := s.newPreflight()
	for _, part := range []struct {
		what string
		look func() error
	}{
		{"settings", func() error { return p.server(ctx) }},
		{"pooler", func() error { return p.pooler(ctx) }},
		{"grants", func() error { return p.grants(ctx, tables) }},
		{"slot", func() error { return p.slot(ctx) }},
		{"tables", func() error { return p.tables(ctx, tables) }},
		{"publication", func() error { return p.publication(ctx, tables) }},
		{"standby", func() error { return p.standby(ctx) }},
		{"heartbeat", func() error { return p.heartbeat(ctx) }},
	} {
		if err := part.look(); err != nil {
			return nil, fmt.Errorf("check source: %s: %w", part.what, s.hinted(err))
		}
	}
	slices.SortStableFunc(p.findings, func(a, b source.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return p.findings, nil
}

func (p *preflight) add(severity source.Severity, subject, message, fix string) {
	p.findings = append(p.findings, source.Finding{Severity: severity, Subject: subject, Message: message, Fix: fix})
}

func (p *preflight) fatal(subject, message, fix string) { p.add(source.Fatal, subject, message, fix) }

func (p *preflight) server(ctx context.Context) error {
	if p.provider.name != "" {
		p.add(source.Note, "server", "is "+p.provider.name, "")
	}
	if p.provider.doubt != "" {
		p.add(source.Warning, "server", p.provider.doubt, p.provider.advice)
	}
	var level string
	var keep, idle int64
	var slots, senders int
	if err := p.s.pool.QueryRow(ctx, sqlSettings).Scan(&level, &keep, &slots, &senders, &idle); err != nil {
		return err
	}
	if level != "logical" {
		p.fatal("wal_level", "is "+level+": the log does not say which rows have changed", p.provider.setting("wal_level", "logical", true))
	}
	if _, err := p.s.slot(ctx); errors.Is(err, errNoSlot) && slots < 1 {
		p.fatal("max_replication_slots", "no replication slot is left", p.provider.setting("max_replication_slots", "20", true)+"; or drop a slot that nobody needs")
	}
	if senders < 1 {
		p.fatal("max_wal_senders", "no connection for readers of the log is left", p.provider.setting("max_wal_senders", "20", true))
	}
	p.retention(keep, time.Duration(idle)*time.Second)
	return nil
}

// What a slot should hold, in MB, so that a stop of some hours does not lose it. How long that is depends on how much is
// written, so that less is no error.
const (
	enoughKept = 1024
	adviseKept = "100GB"
)

// A slot that nobody reads should not be given up within an hour, nor within a day: somebody has to notice.
const (
	leastIdle  = time.Hour
	enoughIdle = 24 * time.Hour
)

// retention looks whether the log is kept long enough that an outage is noticed before it is gone.
func (p *preflight) retention(keep int64, idle time.Duration) {
	const setting = "max_slot_wal_keep_size"
	larger := p.provider.setting(setting, adviseKept, false)
	switch {
	case keep < 0:
		p.add(source.Note, setting, "is not limited: while nobody follows, the server keeps all WAL, until its disk is full",
			larger+" What is lost by the limit is copied anew; a slot that is not needed any more: meepo-replicate source drop-slot")
	case keep < enoughKept:
		p.add(source.Warning, setting, fmt.Sprintf("is %d MB: a stop in which more is written loses the place in the log, and everything is copied anew", keep), larger)
	}
	const timeout = "idle_replication_slot_timeout"
	longer := p.provider.setting(timeout, "3d", false)
	switch {
	case idle <= 0:
	case idle <= leastIdle:
		p.fatal(timeout, fmt.Sprintf("is %v: a longer stop loses the place in the log, and everything is copied anew", idle), longer)
	case idle < enoughIdle:
		p.add(source.Warning, timeout, fmt.Sprintf("is %v: a longer stop loses the place in the log, and everything is copied anew", idle), longer)
	}
}

func (p *preflight) slot(ctx context.Context) error {
	st, err := p.s.slot(ctx)
	switch {
	case errors.Is(err, errNoSlot):
		return nil // it is made
	case err != nil:
		return err
	}
	if err := p.s.usable(st); err != nil && !st.active {
		p.add(source.Fatal, "slot", err.Error(), "name another with --source-slot, or drop it: meepo-replicate source drop-slot")
	}
	if st.status == statusLost {
		p.add(source.Warning, "slot", "has lost its WAL: what was followed by it has to be copied anew", adviceFresh+", which makes the slot anew; "+keepsLonger(st.reason))
	}
	if st.status == "unreserved" || st.status == "extended" {
		p.add(source.Warning, "slot", "holds back more WAL than the server wants to keep ("+st.status+")", keepSlot)
	}
	return nil
}

func (p *preflight) tables(ctx context.Context, tables []source.Table) error {
	for _, t := range tables {
		columns, err := p.s.Columns(ctx, "", t)
		switch {
		case errors.Is(err, source.ErrNoTable):
			p.add(source.Fatal, t.String(), "does not exist", `\dt `+quote(t.Schema)+".*")
			continue
		case errors.Is(err, source.ErrDenied):
			p.add(source.Fatal, t.String(), "the account may not read it", fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s; GRANT SELECT ON %s TO %s;",
				quote(t.Schema), quote(p.s.cfg.User), quoteTable(t), quote(p.s.cfg.User)))
			continue
		case err != nil:
			return err
		}
		if columns.Refused != "" {
			message, fix, _ := strings.Cut(columns.Refused, ": ")
			p.add(source.Fatal, t.String(), message, fix)
		}
		for _, c := range columns.Columns {
			if c.Type.Unknown {
				p.add(source.Warning, t.String()+"."+c.Name, "its type "+c.Type.Native+" is not known here; it is read as text", "exclude the column if its text is of no use")
			}
		}
	}
	return nil
}

// publication compares what is published with what is asked for. A run does what is missing, if it may.
func (p *preflight) publication(ctx context.Context, tables []source.Table) error {
	a, err := p.askAccount(ctx)
	if err != nil {
		return err
	}
	pub, err := p.s.publication(ctx)
	if errors.Is(err, errNoPublication) {
		if len(tables) == 0 {
			return nil
		}
		return p.unpublished(ctx, a.makes, tables, "there is no publication "+p.s.cfg.Publication, p.s.createPublication(tables))
	}
	if err != nil {
		return err
	}
	var hint *source.HintError
	if !pub.complete || !pub.viaRoot {
		if err := p.s.incomplete(pub); errors.As(err, &hint) {
			p.fatal("publication", hint.Error(), hint.Advice)
		}
	}
	missing, err := p.s.unpublished(ctx, tables)
	if err != nil || len(missing) == 0 {
		return err
	}
	return p.unpublished(ctx, a.ownsOurs, missing, fmt.Sprintf("%s lacks %d of the tables", p.s.cfg.Publication, len(missing)), p.s.addToPublication(missing))
}

// unpublished tells of tables that are not published: an error if the account may not do it itself. It may if it may change
// the publication, and owns the tables.
func (p *preflight) unpublished(ctx context.Context, may bool, tables []source.Table, what, statement string) error {
	rights, err := p.askTables(ctx, tables)
	if err != nil {
		return err
	}
	if may && !slices.ContainsFunc(rights, func(r tableRights) bool { return !r.owns }) {
		p.add(source.Note, "publication", what+": a run sees to that, as the account owns the tables", statement+";")
		return nil
	}
	p.fatal("publication", what+", and the account may not change that: it has to own the tables", "let the owner of the tables, or a superuser, run: "+statement+";")
	return nil
}
