package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// preflight is one call of Check.
type preflight struct {
	s        *Source
	findings []source.Finding
}

const sqlSettings = `SELECT current_setting('wal_level'), current_setting('max_slot_wal_keep_size'),
current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots),
current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'),
(SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), current_user::text`

// Check looks for what would keep the server or its tables from being followed.
func (s *Source) Check(ctx context.Context, tables []source.Table) ([]source.Finding, error) {
	p := &preflight{s: s}
	for _, part := range []struct {
		what string
		look func() error
	}{
		{"settings", func() error { return p.server(ctx) }},
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

func (p *preflight) server(ctx context.Context) error {
	var level, keep, user string
	var slots, senders int
	var may bool
	err := p.s.pool.QueryRow(ctx, sqlSettings).Scan(&level, &keep, &slots, &senders, &may, &user)
	if err != nil {
		return err
	}
	if level != "logical" {
		p.add(source.Fatal, "wal_level", "is "+level+": the log does not say which rows have changed", "ALTER SYSTEM SET wal_level = logical; and restart the server")
	}
	if _, err := p.s.slot(ctx); errors.Is(err, errNoSlot) && slots < 1 {
		p.add(source.Fatal, "max_replication_slots", "no replication slot is left", "ALTER SYSTEM SET max_replication_slots to more, and restart the server; or drop a slot that nobody needs")
	}
	if senders < 1 {
		p.add(source.Fatal, "max_wal_senders", "no connection for readers of the log is left", "ALTER SYSTEM SET max_wal_senders to more, and restart the server")
	}
	if !may {
		p.add(source.Fatal, "grants", "the account lacks REPLICATION: the log cannot be read", fmt.Sprintf(grantReplication, quote(user))+";")
	}
	if keep == "-1" {
		p.add(source.Note, "max_slot_wal_keep_size", "is not limited: while nobody follows, the server keeps all WAL, until its disk is full",
			"ALTER SYSTEM SET max_slot_wal_keep_size = '100GB'; SELECT pg_reload_conf(); what is lost by the limit is copied anew; a slot that is not needed any more: meepo-replicate source drop-slot")
	}
	return nil
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

// publication compares what is published with what is asked for.
func (p *preflight) publication(ctx context.Context, tables []source.Table) error {
	pub, err := p.s.publication(ctx)
	if errors.Is(err, errNoPublication) {
		if len(tables) > 0 {
			p.add(source.Note, "publication", "there is no publication "+p.s.cfg.Publication+": a run makes it, if the account owns the tables and may CREATE in the database",
				p.s.createPublication(tables)+";")
		}
		return nil
	}
	if err != nil {
		return err
	}
	var hint *source.HintError
	if !pub.complete || !pub.viaRoot {
		if err := p.s.incomplete(pub); errors.As(err, &hint) {
			p.add(source.Fatal, "publication", hint.Error(), hint.Advice)
		}
	}
	missing, err := p.s.unpublished(ctx, tables)
	if err == nil && len(missing) > 0 {
		p.add(source.Note, "publication", fmt.Sprintf("%s lacks %d of the tables: a run adds them, if the account owns them", p.s.cfg.Publication, len(missing)),
			"ALTER PUBLICATION "+quote(p.s.cfg.Publication)+" ADD TABLE "+tableList(missing)+";")
	}
	return err
}
