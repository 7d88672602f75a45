package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

var _ source.Granter = (*Source)(nil)

// harmless are privileges that following takes, or that let an account look only.
var harmless = []string{"USAGE", "SELECT", "REPLICATION SLAVE", "REPLICATION CLIENT", "BINLOG MONITOR", "SLAVE MONITOR", "REPLICA MONITOR",
	"XA_RECOVER_ADMIN", "SHOW DATABASES", "SHOW VIEW"}

// rights is what the account may do.
type rights struct {
	account string
	roles   string // that are active, as the server lists them; empty: none
	asleep  bool   // it has roles, and none is active
	lines   []grant
	fold    bool // names differ by more than case
}

// rights reads SHOW GRANTS, with the active roles.
func (p *preflight) rights(ctx context.Context) (rights, error) {
	r := rights{account: p.account(ctx), fold: p.server.lowerCaseTableNames != 0}
	statement := "SHOW GRANTS"
	if p.server.flavor == flavorMySQL && p.server.atLeast(8, 0) { // 5.7 has no roles
		if err := p.s.db.QueryRowContext(ctx, "SELECT CURRENT_ROLE()").Scan(&r.roles); err != nil {
			return r, err
		}
		if r.roles == "NONE" {
			r.roles = ""
		} else {
			statement = "SHOW GRANTS FOR CURRENT_USER() USING " + r.roles
		}
	}
	rows, err := p.s.db.QueryContext(ctx, statement)
	if err != nil {
		return r, err
	}
	defer rows.Close()
	active := r.roles != ""
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return r, err
		}
		g, ok := parseGrant(line)
		switch {
		case ok:
			r.lines = append(r.lines, g)
			active = active || g.to != r.lines[0].to // MariaDB lists what the active role gives
		case strings.HasPrefix(line, "GRANT `") || strings.HasPrefix(line, "GRANT '"):
			r.asleep = true
		}
	}
	r.asleep = r.asleep && !active
	return r, rows.Err()
}

// has reports whether a privilege is held on all of the server.
func (r rights) has(privilege string) bool {
	return slices.ContainsFunc(r.lines, func(g grant) bool { return g.level == everywhere && !g.revoked && g.gives(privilege) })
}

// may reports whether a privilege is held on a table; one without a name is all of its schema.
func (r rights) may(privilege string, t source.Table) bool {
	about := func(g grant) bool {
		if t.Name == "" {
			return g.coversSchema(t.Schema, r.fold)
		}
		return g.covers(t, r.fold)
	}
	revoked := slices.ContainsFunc(r.lines, func(g grant) bool { return g.revoked && g.gives(privilege) && about(g) })
	return slices.ContainsFunc(r.lines, func(g grant) bool {
		return !g.revoked && g.gives(privilege) && about(g) && (g.level != everywhere || !revoked)
	})
}

// logPrivileges are those that reading the log takes, with what does not work without them.
func (p *preflight) logPrivileges() [][2]string {
	status := "REPLICATION CLIENT"
	if p.server.flavor == flavorMariaDB {
		status = "BINLOG MONITOR"
	}
	return [][2]string{{"REPLICATION SLAVE", "the log cannot be read"}, {status, "the position of the log cannot be asked for"}}
}

// tablePrivileges are those that reading rows takes: without GTIDs that is a lock, which takes more than SELECT before
// MySQL 8.0.22.
func (p *preflight) tablePrivileges() []string {
	if !p.server.gtid && p.server.flavor == flavorMySQL && !p.server.lockBySelect() {
		return []string{"SELECT", "LOCK TABLES"}
	}
	return []string{"SELECT"}
}

// grants compares what the account may do with what following takes.
func (p *preflight) grants(ctx context.Context, tables []source.Table) error {
	r, err := p.rights(ctx)
	if err != nil {
		return err
	}
	for _, need := range p.logPrivileges() {
		privilege, why := need[0], need[1]
		if r.has(privilege) || privilege != "REPLICATION SLAVE" && r.has("SUPER") {
			continue
		}
		fix := fmt.Sprintf("GRANT %s ON *.* TO %s;", privilege, r.account)
		if r.asleep {
			fix += " or, if one of its roles has it: " + p.wake(r.account)
		}
		p.add(source.Fatal, "grants", "the account lacks "+privilege+": "+why, fix)
	}
	for _, x := range p.excess(r, tables) {
		p.add(x.severity, "grants", x.message, x.revoke+" All at once: meepo-replicate check --grants")
	}
	return nil
}

// wake makes an account's roles active whenever it logs in.
func (p *preflight) wake(account string) string {
	if p.server.flavor == flavorMariaDB { // one at a time
		return "SET DEFAULT ROLE the_role FOR " + account + ";"
	}
	return "SET DEFAULT ROLE ALL TO " + account + ";"
}

// excess is what an account may do and need not.
type excess struct {
	severity source.Severity
	message  string
	revoke   string
}

func (p *preflight) excess(r rights, tables []source.Table) []excess {
	allowed := append(p.tablePrivileges(), harmless...)
	var found []excess
	for _, g := range r.lines {
		if g.revoked {
			continue
		}
		var more []string
		for _, privilege := range g.privileges {
			name, _, _ := strings.Cut(privilege, " (")
			if !slices.Contains(allowed, name) {
				more = append(more, privilege)
			}
		}
		about := func(t source.Table) bool { return g.covers(t, r.fold) }
		unused := len(tables) > 0 && g.gives("SELECT") && !slices.Contains(g.privileges, allPrivileges) && (g.level == everywhere || !slices.ContainsFunc(tables, about))
		severity := source.Warning
		if unused && len(more) == 0 && g.level == everywhere {
			severity = source.Note
		}
		if unused {
			more = append([]string{"SELECT"}, more...)
		}
		if len(more) == 0 {
			continue
		}
		found = append(found, p.excessOf(r, g, more, severity))
	}
	return found
}

// excessOf words what a line gives too much of.
func (p *preflight) excessOf(r rights, g grant, more []string, severity source.Severity) excess {
	const shown = 6
	list, user := strings.Join(more, ", "), strings.Trim(strings.ReplaceAll(r.account, "'@'", "@"), "'")
	if len(more) > shown {
		list = strings.Join(more[:shown], ", ") + fmt.Sprintf(" and %d more", len(more)-shown)
	}
	x := excess{severity: severity, message: fmt.Sprintf("user %s may %s on %s: not needed", user, list, strings.ReplaceAll(g.level, "`", ""))}
	if severity == source.Note {
		x.message += ", the schemas of the tables are enough"
	}
	from := r.account
	if role := unquote(g.to); g.to != r.lines[0].to {
		x.message, from = x.message+", by its role "+role, g.to
	} else if r.roles != "" {
		x.message += ", by itself or by its roles " + strings.ReplaceAll(r.roles, "`", "")
	}
	// Those of MySQL's own accounts are named one by one.
	if at := g.level; slices.Contains(more, allPrivileges) || len(more) > shown {
		x.revoke = fmt.Sprintf("REVOKE ALL PRIVILEGES ON %s FROM %s;", at, from)
		if slices.Contains(more, grantOption) {
			x.revoke += fmt.Sprintf(" REVOKE GRANT OPTION ON %s FROM %s;", at, from)
		}
		return x
	}
	x.revoke = fmt.Sprintf("REVOKE %s ON %s FROM %s;", strings.Join(more, ", "), g.level, from)
	return x
}

// Grants lists what the account needs for the patterns.
func (s *Source) Grants(ctx context.Context, patterns []source.Pattern, tables []source.Table) (source.Grants, error) {
	p, err := s.newPreflight(ctx)
	if err != nil {
		return source.Grants{}, err
	}
	r, err := p.rights(ctx)
	if err != nil {
		return source.Grants{}, fmt.Errorf("look at grants: %w", err)
	}
	all := source.Grants{Account: r.account, Create: "CREATE USER " + r.account + " IDENTIFIED BY '…';"}
	say := func(held bool, statement string) {
		if held {
			all.Held = append(all.Held, statement)
		} else {
			all.Missing = append(all.Missing, statement)
		}
	}
	for _, need := range p.logPrivileges() {
		say(r.has(need[0]), fmt.Sprintf("GRANT %s ON *.* TO %s;", need[0], r.account))
	}
	var named []source.Pattern // of one schema each, or of those that are there
	for _, pattern := range patterns {
		like, ok := likeOf(pattern.Schema)
		if !ok || p.is("partial_revokes", "ON") { // then no grant has wildcards
			named = append(named, pattern)
			continue
		}
		for _, privilege := range p.tablePrivileges() { // schemas that come later, too
			say(r.mayAll(privilege, like), fmt.Sprintf("GRANT %s ON %s.* TO %s;", privilege, quote(like), r.account))
		}
	}
	for _, t := range granted(named, tables) {
		for _, privilege := range p.tablePrivileges() {
			say(r.may(privilege, t), fmt.Sprintf("GRANT %s ON %s TO %s;", privilege, p.level(privilege, t), r.account))
		}
	}
	all.Missing, all.Held = slices.Compact(all.Missing), slices.Compact(all.Held)
	wide := false // what is revoked everywhere has to be given anew
	for _, x := range p.excess(r, tables) {
		all.Excess = append(all.Excess, x.revoke)
		taken, _, everything := strings.Cut(x.revoke, " ON "+everywhere)
		wide = wide || everything && (strings.Contains(taken, allPrivileges) || strings.Contains(taken, "SELECT"))
	}
	if wide {
		all.Missing, all.Held = append(all.Held, all.Missing...), nil
	}
	return all, nil
}

// likeOf is a pattern of schemas as a grant has it, where % is any text and _ any character; false for a plain name, and for
// one that holds more than * and ?.
func likeOf(schema string) (string, bool) {
	if !source.IsGlob(schema) || strings.ContainsAny(schema, `[]\\`) {
		return "", false
	}
	return strings.NewReplacer("_", `\_`, "%", `\%`, "*", "%", "?", "_").Replace(schema), true
}

// mayAll reports whether a privilege is held on all schemas of a pattern.
func (r rights) mayAll(privilege, like string) bool {
	return slices.ContainsFunc(r.lines, func(g grant) bool {
		return !g.revoked && g.gives(privilege) && (g.level == everywhere || g.table == "" && equalName(g.schema, like, r.fold))
	})
}

// level is what a privilege for a table is granted on; one without a name is all of its schema. The right to lock has no
// level below that. In the name of a granted schema _ and % are wildcards.
func (p *preflight) level(privilege string, t source.Table) string {
	if t.Name != "" && privilege != "LOCK TABLES" {
		return quoteTable(t)
	}
	schema := t.Schema
	if !p.is("partial_revokes", "ON") {
		schema = strings.NewReplacer("_", `\_`, "%", `\%`).Replace(schema)
	}
	return quote(schema) + ".*"
}

// grantOf lets an account read a table.
func (p *preflight) grantOf(t source.Table, account string) string {
	var statements []string
	for _, privilege := range p.tablePrivileges() {
		statements = append(statements, fmt.Sprintf("GRANT %s ON %s TO %s;", privilege, p.level(privilege, t), account))
	}
	return strings.Join(statements, " ")
}

// granted are the tables to be granted, those without a name being all of their schema: each that was named, each schema of
// which all were asked for, and else the tables that a pattern selects.
func granted(patterns []source.Pattern, tables []source.Table) []source.Table {
	var list []source.Table
	for _, p := range patterns {
		if !source.IsGlob(p.Schema) && p.Name == "*" {
			list = append(list, source.Table{Schema: p.Schema})
		}
	}
	whole := slices.Clone(list)
	add := func(t source.Table) {
		if !slices.Contains(whole, source.Table{Schema: t.Schema}) {
			list = append(list, t)
		}
	}
	for _, p := range patterns {
		if t, literal := p.Literal(); literal {
			add(t)
			continue
		}
		for _, t := range tables {
			if p.Match(t) {
				add(t)
			}
		}
	}
	slices.SortFunc(list, source.Table.Compare)
	return slices.Compact(list)
}

// lockBySelect reports whether SELECT is enough for a locking read.
func (v server) lockBySelect() bool {
	parts := strings.SplitN(v.version, ".", 3)
	if v.major != 8 || v.minor != 0 || len(parts) < 3 {
		return v.atLeast(8, 0)
	}
	patch, _, _ := strings.Cut(parts[2], "-")
	n, err := strconv.Atoi(patch)
	return err != nil || n >= 22
}
