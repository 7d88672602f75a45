package e2e

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// nemesisTable is a table that the nemesis's writers change.
type nemesisTable struct {
	name    string
	columns string // of the key, with its PRIMARY KEY
	key     []string
	// draw makes a random key, out of so few that keys come again.
	draw func(*rand.Rand) []any
}

// payload are the columns beside the key, the same in every table.
const payload = "v VARCHAR(64) NOT NULL, n INT UNSIGNED, d DECIMAL(12,2), at DATETIME(6), note TEXT"

// bulkKeys is where the ids of large transactions in goods begin. The small ones stay below.
const bulkKeys = 1_000_000

var nemesisTables = []nemesisTable{
	{name: "goods", columns: "id BIGINT PRIMARY KEY", key: []string{"id"},
		draw: func(r *rand.Rand) []any { return []any{r.IntN(4000) - 500} }},
	{name: "words", columns: "k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY", key: []string{"k"},
		draw: func(r *rand.Rand) []any {
			letters := []string{"a", "A", "á", "b", "B", "ß", "s", "x ", "x", "/", "%", "Ω", "😀"}
			return []any{letters[r.IntN(len(letters))] + letters[r.IntN(len(letters))]}
		}},
	{name: "pairs", columns: "a INT UNSIGNED, b VARBINARY(4), PRIMARY KEY (a, b)", key: []string{"a", "b"},
		draw: func(r *rand.Rand) []any {
			return []any{r.Uint32N(20), []byte{byte(r.IntN(3)), byte(r.IntN(256)), 0}[:1+r.IntN(3)]}
		}},
	{name: "moments", columns: "at_key DATETIME(3) PRIMARY KEY", key: []string{"at_key"},
		draw: func(r *rand.Rand) []any {
			return []any{fmt.Sprintf("2026-02-%02d 03:04:05.%03d", 1+r.IntN(28), r.IntN(20)*50)}
		}},
	{name: "prices", columns: "p DECIMAL(10,3) PRIMARY KEY", key: []string{"p"},
		draw: func(r *rand.Rand) []any { return []any{fmt.Sprintf("%d.%d00", r.IntN(60)-30, r.IntN(10))} }},
}

func (x *nemesisTable) create(db string) string {
	return fmt.Sprintf("CREATE TABLE %s.%s (%s, %s) CHARACTER SET utf8mb4", db, x.name, x.columns, payload)
}

// where is a condition on the whole key, with placeholders.
func (x *nemesisTable) where() string { return strings.Join(x.key, " = ? AND ") + " = ?" }

// comparison counts what comparing tables with their indices has found.
type comparison struct {
	rows, differences int
	first             []string // differences
}

func (c *comparison) differ(format string, args ...any) {
	if c.differences++; len(c.first) < 10 {
		c.first = append(c.first, fmt.Sprintf(format, args...))
	}
}

// documents reads the index of a table, which may not be there yet.
func (n *nemesis) documents(x *nemesisTable) map[string]map[string]any {
	n.t.Helper()
	if status, _ := n.target.Do(n.t, "HEAD", "/"+n.target.Prefix+x.name, nil); status != 200 {
		return nil
	}
	return n.target.Docs(n.t, n.target.Prefix+x.name)
}

// compare reads a table and its index and compares them field by field.
func (n *nemesis) compare(x *nemesisTable, c *comparison) {
	n.t.Helper()
	columns, want := n.tableRows(x)
	got := map[string]string{}
	for id, doc := range n.documents(x) {
		var key, all strings.Builder
		for _, name := range x.key {
			key.WriteString(shownField(doc[name]) + "|")
		}
		for _, name := range columns {
			fmt.Fprintf(&all, "%s=%s|", name, shownField(doc[name]))
			delete(doc, name)
		}
		for name := range doc {
			fmt.Fprintf(&all, "and %s|", name)
		}
		if _, twice := got[key.String()]; twice {
			c.differ("%s: two documents for key %q, such as %q", x.name, key.String(), id)
		}
		got[key.String()] = all.String()
	}
	c.rows += len(want)
	for key, row := range want {
		if doc, ok := got[key]; !ok {
			c.differ("%s: row %q has no document", x.name, key)
		} else if doc != row {
			c.differ("%s: row\n\t%s\nhas the document\n\t%s", x.name, row, doc)
		}
	}
	for key, doc := range got {
		if _, ok := want[key]; !ok {
			c.differ("%s: document without a row: %s", x.name, doc)
		}
	}
}

func shownField(value any) string {
	if value == nil {
		return "NULL"
	}
	return fmt.Sprint(value)
}

// tableRows reads a table: its columns, and by key what the document must show.
func (n *nemesis) tableRows(x *nemesisTable) (columns []string, want map[string]string) {
	n.t.Helper()
	var selected []string
	for _, row := range n.db.QueryStrings(n.t, "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position", n.db.Name, x.name) {
		columns = append(columns, row[0])
		switch row[1] {
		case "datetime":
			selected = append(selected, "REPLACE(CAST("+row[0]+" AS CHAR), ' ', 'T')")
		default:
			selected = append(selected, row[0])
		}
	}
	rows, err := n.db.DB.QueryContext(n.t.Context(), "SELECT "+strings.Join(selected, ", ")+" FROM "+x.name)
	if err != nil {
		n.t.Fatal(err)
	}
	defer rows.Close()
	want = map[string]string{}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			n.t.Fatal(err)
		}
		byName := map[string]string{}
		var all, key strings.Builder
		for i, name := range columns {
			text := "NULL"
			if values[i].Valid {
				text = values[i].String
			}
			if name == "b" { // the one binary column
				text = base64.StdEncoding.EncodeToString([]byte(text))
			}
			byName[name] = text
			fmt.Fprintf(&all, "%s=%s|", name, text)
		}
		for _, name := range x.key {
			key.WriteString(byName[name] + "|")
		}
		want[key.String()] = all.String()
	}
	if err := rows.Err(); err != nil {
		n.t.Fatal(err)
	}
	return columns, want
}

// nemesisConfig maps every table to an index of the test's own.
func nemesisConfig(source, target string, db *servertest.Database, prefix string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\non_schema_change: evolve\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n", source, target)
	for _, x := range nemesisTables {
		fmt.Fprintf(&b, "  - {name: %s, from: %s.%s, to: %s%s}\n", x.name, db.Name, x.name, prefix, x.name)
	}
	return b.String()
}
