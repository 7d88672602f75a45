package mysql

import (
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestParseGrant: lines as MySQL and MariaDB print them.
func TestParseGrant(t *testing.T) {
	for line, want := range map[string]string{
		"GRANT SELECT, REPLICATION SLAVE ON *.* TO `repl`@`%`":                                 "SELECT|REPLICATION SLAVE on *.* to `repl`@`%`",
		"GRANT ALL PRIVILEGES ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*0' WITH GRANT OPTION": "ALL PRIVILEGES|GRANT OPTION on *.* to `a`@`%`",
		"GRANT APPLICATION_PASSWORD_ADMIN,XA_RECOVER_ADMIN ON *.* TO `a`@`%`":                  "APPLICATION_PASSWORD_ADMIN|XA_RECOVER_ADMIN on *.* to `a`@`%`",
		"GRANT SELECT ON `sh\\_op`.* TO `a`@`%`":                                               "SELECT on `sh\\_op`.* to `a`@`%` schema sh\\_op",
		"GRANT SELECT (`a`, `b`), INSERT (`c ON d`) ON `shop`.`or``.ders` TO `a TO b`@`%`":     "SELECT (`a`, `b`)|INSERT (`c ON d`) on `shop`.`or``.ders` to `a schema shop table or`.ders",
		"GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `a`@`%`":                                     "EXECUTE on PROCEDURE `shop`.`p` to `a`@`%` schema PROCEDURE `shop` table p",
		"REVOKE INSERT ON `mysql`.* FROM `a`@`%`":                                              "revoked INSERT on `mysql`.* to `a`@`%` schema mysql",
		"GRANT `reader`@`%` TO `a`@`%`":                                                        "",
		"GRANT `reader` TO `a`@`%`":                                                            "",
		"SET DEFAULT ROLE `reader` FOR `a`@`%`":                                                "",
	} {
		got := ""
		if g, ok := parseGrant(line); ok {
			if g.revoked {
				got = "revoked "
			}
			got += strings.Join(g.privileges, "|") + " on " + g.level + " to " + g.to
			if g.schema != "" {
				got += " schema " + g.schema
			}
			if g.table != "" {
				got += " table " + g.table
			}
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestLike(t *testing.T) {
	for pattern, texts := range map[string][2]string{ // one that is matched, one that is not
		"shop": {"shop", "shop2"}, "sh_p": {"shop", "shp"}, `sh\_p`: {"sh_p", "shop"}, "t%": {"tenant", "xt"}, "%": {"", "\x00never"},
		`100\%`: {"100%", "1000"}, "%_x": {"aax", "x"}, "ü_": {"üb", "u"},
	} {
		if !like(pattern, texts[0]) {
			t.Errorf("%q does not match %q", pattern, texts[0])
		}
		if pattern != "%" && like(pattern, texts[1]) {
			t.Errorf("%q matches %q", pattern, texts[1])
		}
	}
}

func grantsOf(t *testing.T, s *Source, patterns ...source.Pattern) source.Grants {
	t.Helper()
	tables, err := s.Tables(t.Context(), "", patterns)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Grants(t.Context(), patterns, tables)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGrants_CanBeRun: the statements that are missing are run as they are printed, and then nothing is missing, a run's reads
// work, and what was too much is gone when the REVOKEs have been run, too.
func TestGrants_CanBeRun(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY)")
		for name, c := range map[string]struct {
			given   []string
			pattern source.Pattern
			missing []string // parts, in order
			excess  []string
		}{
			"n": {nil, source.Pattern{Schema: d.Name, Name: "a"}, []string{"REPLICATION SLAVE", "ON *.*", "SELECT ON `" + d.Name + "`.`a`"}, nil},
			"s": {nil, source.Pattern{Schema: d.Name, Name: "*"}, []string{"REPLICATION SLAVE", "ON *.*", "SELECT ON `" + strings.ReplaceAll(d.Name, "_", `\_`) + "`.*"}, nil},
			"p": {nil, source.Pattern{Schema: d.Name[:len(d.Name)-1] + "?", Name: "a"}, []string{"REPLICATION SLAVE", "ON *.*",
				"SELECT ON `" + strings.ReplaceAll(d.Name[:len(d.Name)-1], "_", `\_`) + "_`.*"}, nil}, // none of its tables can be seen before
			"w": {[]string{"SELECT, INSERT, UPDATE, DELETE ON `" + d.Name + "`.*"}, source.Pattern{Schema: d.Name, Name: "*"}, []string{"REPLICATION SLAVE", "ON *.*"},
				[]string{"REVOKE INSERT, UPDATE, DELETE ON `" + d.Name + "`.*"}},
			"g": {[]string{"SELECT ON *.*"}, source.Pattern{Schema: d.Name, Name: "a"}, []string{"SELECT ON `" + d.Name + "`.`a`", "REPLICATION SLAVE", "ON *.*"},
				[]string{"REVOKE SELECT ON *.*"}}, // what is revoked everywhere has to be given anew
			"l": {[]string{"SELECT ON `" + strings.ReplaceAll(d.Name, "t_", "t%") + "`.*", "SELECT ON `" + d.Name + "`.b"}, source.Pattern{Schema: d.Name, Name: "a"},
				[]string{"REPLICATION SLAVE", "ON *.*"}, []string{"REVOKE SELECT ON `" + d.Name + "`.`b`"}},
		} {
			s := user(t, d, name, c.given...)
			g := grantsOf(t, s, c.pattern)
			at := 0
			for _, want := range c.missing {
				for at < len(g.Missing) && !strings.Contains(g.Missing[at], want) {
					at++
				}
				if at == len(g.Missing) {
					t.Errorf("%s: no %q in %q", name, want, g.Missing)
				}
				at++
			}
			if len(g.Missing) != at {
				t.Errorf("%s: %q are missing, not %q alone", name, g.Missing, c.missing)
			}
			if len(g.Excess) != len(c.excess) || len(c.excess) > 0 && !strings.HasPrefix(g.Excess[0], c.excess[0]) {
				t.Errorf("%s: in excess are %q, not %q", name, g.Excess, c.excess)
			}
			for _, statement := range append(g.Missing, g.Excess...) {
				d.Exec(t, statement)
			}
			if again := grantsOf(t, s, c.pattern); len(again.Missing)+len(again.Excess) > 0 {
				t.Errorf("%s: after the statements %q and %q are left", name, again.Missing, again.Excess)
			}
			if found := check(t, s, "grants", source.Table{Schema: d.Name, Name: "a"}); len(found) > 0 {
				t.Errorf("%s: %+v", name, found)
			}
		}
	})
}

// TestGrants_Everything: an account that may do everything is told by one line for it, and gets what it needs anew.
func TestGrants_Everything(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		table := source.Table{Schema: d.Name, Name: "a"}
		s := user(t, d, "all", "ALL PRIVILEGES ON *.*")
		found := check(t, s, "grants", table)
		if len(found) == 0 || found[0].Severity != source.Warning || !strings.Contains(found[0].Message, "on *.*: not needed") || !strings.Contains(found[0].Fix, "REVOKE ALL PRIVILEGES ON *.*") {
			t.Errorf("%+v", found)
		}
		for _, statement := range append(grantsOf(t, s, source.Pattern(table)).Excess, grantsOf(t, s, source.Pattern(table)).Missing...) {
			d.Exec(t, statement)
		}
		if found := append(check(t, s, "grants", table), check(t, s, table.String(), table)...); len(found) > 0 {
			t.Errorf("after the statements: %+v", found)
		}
	})
}

// TestGrants_ByRole: privileges of roles count while the role is active, and one that sleeps is told how to be woken.
func TestGrants_ByRole(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		table := source.Table{Schema: d.Name, Name: "a"}
		role, account := "r"+d.Name, "'role"+d.Name+"'@'127.0.0.1'"
		status := map[bool]string{true: "BINLOG MONITOR", false: "REPLICATION CLIENT"}[d.Flavor == servertest.MariaDB]
		d.Exec(t, "CREATE ROLE "+role+"; GRANT REPLICATION SLAVE, "+status+" ON *.* TO "+role+"; GRANT SELECT, INSERT ON "+d.Name+".* TO "+role)
		t.Cleanup(func() { _, _ = d.DB.Exec("DROP ROLE " + role) })
		s := user(t, d, "role", "SELECT ON "+d.Name+".*")
		d.Exec(t, "GRANT "+role+" TO "+account)
		found := check(t, s, "grants", table)
		if len(found) != 2 || !strings.Contains(found[0].Fix, "SET DEFAULT ROLE ") {
			t.Fatalf("asleep: %+v", found)
		}
		d.Exec(t, strings.ReplaceAll(found[0].Fix[strings.Index(found[0].Fix, "SET DEFAULT ROLE "):], "the_role", role))
		s = openConfig(t, s.cfg)
		found = check(t, s, "grants", table)
		if len(found) != 1 || found[0].Severity != source.Warning || !strings.Contains(found[0].Message, "may INSERT on "+d.Name+".*: not needed") || !strings.Contains(found[0].Message, role) {
			t.Errorf("awake: %+v", found)
		}
		if g := grantsOf(t, s, source.Pattern(table)); len(g.Missing) > 0 || !slices.ContainsFunc(g.Held, func(line string) bool { return strings.Contains(line, "REPLICATION SLAVE") }) {
			t.Errorf("awake: %+v", g)
		}
	})
}

func TestLockBySelect(t *testing.T) {
	for version, want := range map[string]bool{"8.0.21": false, "8.0.22-log": true, "8.4.1": true, "5.7.44-log": false, "9.7.0": true} {
		major, minor := int(version[0]-'0'), int(version[2]-'0')
		if got := (server{version: version, major: major, minor: minor}).lockBySelect(); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}
