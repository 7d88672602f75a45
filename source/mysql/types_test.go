package mysql

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// promise is a line of TYPES.md.
type promise struct {
	kind, goType string
	key          bool
}

func promises(t *testing.T) map[string]promise {
	t.Helper()
	text, err := os.ReadFile("TYPES.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]promise{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 7 || strings.HasPrefix(cells[1], " ---") || strings.TrimSpace(cells[1]) == "Type" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all[cells[1]] = promise{kind: cells[2], goType: cells[3], key: cells[4] == "yes"}
	}
	return all
}

var documentedKinds = map[source.Kind]string{
	source.KindText: "Text", source.KindInt: "Int", source.KindUint: "Uint", source.KindFloat: "Float", source.KindDecimal: "Decimal",
	source.KindBinary: "Binary", source.KindDate: "Date", source.KindDateTime: "DateTime", source.KindTimestamp: "Timestamp", source.KindTime: "Time",
	source.KindEnum: "Enum", source.KindSet: "Set", source.KindJSON: "JSON", source.KindUUID: "UUID", source.KindInet: "Inet",
	source.KindGeometry: "Geometry", source.KindVector: "Vector",
}

func TestTypes_EveryTypeHasACase(t *testing.T) {
	documented := promises(t)
	if len(documented) < 40 {
		t.Fatalf("only %d types found in TYPES.md", len(documented))
	}
	for name := range documented {
		if len(typeCases[name]) == 0 {
			t.Errorf("%s is in TYPES.md and has no case", name)
		}
	}
	for name := range typeCases {
		if _, ok := documented[name]; !ok {
			t.Errorf("%s has a case and is not in TYPES.md", name)
		}
	}
	for name := range plainKinds {
		if _, ok := documented[name]; !ok && name != "geomcollection" { // the catalog's other word for it
			t.Errorf("%s is known to the driver and not in TYPES.md", name)
		}
	}
}

func TestTypes_OnRealServers(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for name, p := range promises(t) {
			for i, c := range typeCases[name] {
				if c.only != nil && !c.only(d.Flavor) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s", name, c.ddl), func(t *testing.T) {
					table := source.Table{Schema: d.Name, Name: fmt.Sprintf("t_%s_%d", strings.ReplaceAll(name, " ", "_"), i)}
					c.check(t, d, s, table, p)
				})
			}
		}
	})
}

func (c typeCase) check(t *testing.T, d *servertest.Database, s *Source, table source.Table, p promise) {
	t.Helper()
	d.Exec(t, "CREATE TABLE "+quoteTable(table)+" (id INT PRIMARY KEY, v "+c.ddl+")")
	values := append([]sqlValue{{"NULL", nil}}, c.values...)
	if strings.Contains(c.ddl, "NOT NULL") {
		values = c.values
	}
	conn, err := d.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SET SESSION sql_mode = ''"); err != nil {
		t.Fatal(err)
	}
	var keys []source.Key
	for i, v := range values {
		if _, err := conn.ExecContext(t.Context(), "INSERT INTO "+quoteTable(table)+fmt.Sprintf(" (id, v) VALUES (%d, %s)", i, v.sql)); err != nil {
			t.Fatalf("insert %s: %v", v.sql, err)
		}
		key, err := source.NewKey(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	sel := everything(t, s, "", table)
	typ := sel.Columns[1].Type
	checkNamed(t, typ, c.ddl)
	typ.Native = ""
	if diff := cmp.Diff(c.typ, typ); diff != "" {
		t.Errorf("type: %s", diff)
	}
	if documentedKinds[typ.Kind] != p.kind {
		t.Errorf("kind %s, TYPES.md says %s", documentedKinds[typ.Kind], p.kind)
	}
	rows, err := s.ReadRows(t.Context(), "", sel, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if row.Err != nil || !row.Found {
			t.Fatalf("%s: found %v: %v", values[i].sql, row.Found, row.Err)
		}
		got := row.Values[1]
		if diff := cmp.Diff(values[i].want, got); diff != "" {
			t.Errorf("%s: %s", values[i].sql, diff)
		}
		if goType := fmt.Sprintf("%T", got); got != nil && goType != strings.ReplaceAll(p.goType, "byte", "uint8") {
			t.Errorf("%s: %s, TYPES.md says %s", values[i].sql, goType, p.goType)
		}
	}
}

// checkNamed: without a server a type is known by its name as the catalog describes it.
func checkNamed(t *testing.T, want source.Type, ddl string) {
	t.Helper()
	for _, name := range []string{want.Native, ddl} {
		if want.Kind == source.KindJSON && name == want.Native {
			continue // MariaDB prints longtext
		}
		got, err := TypeNamed(name)
		got.Native = want.Native
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("by the name %q: %v, %s", name, err, diff)
		}
	}
}

// TestTypes_Keys: a type is accepted as a key exactly if TYPES.md says so, and refused by name.
func TestTypes_Keys(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for name, p := range promises(t) {
			c := typeCases[name][0]
			if c.only != nil && !c.only(d.Flavor) || c.noKey {
				continue
			}
			t.Run(name, func(t *testing.T) {
				table := source.Table{Schema: d.Name, Name: "r_" + strings.ReplaceAll(name, " ", "_")}
				part := "v"
				if c.prefix {
					part = "v(5)"
				}
				d.Exec(t, "CREATE TABLE "+quoteTable(table)+" (v "+c.ddl+", PRIMARY KEY ("+part+"))")
				columns, err := s.Columns(t.Context(), "", table)
				if err != nil {
					t.Fatal(err)
				}
				if accepted := columns.Refused == ""; accepted != p.key {
					t.Errorf("accepted: %v, TYPES.md says %v: %s", accepted, p.key, columns.Refused)
				}
				if !p.key && (!strings.Contains(columns.Refused, "key column v") || len(columns.Key) != 0) {
					t.Errorf("refused as %q, key %v", columns.Refused, columns.Key)
				}
			})
		}
	})
}

func TestTypes_UnknownIsReadAsText(t *testing.T) {
	typ := typeOf(columnDef{name: "x", native: "hyperloop(3)", dataType: "hyperloop"})
	if typ.Kind != source.KindText || !typ.Unknown {
		t.Errorf("%+v", typ)
	}
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openTest(t, d)
	// No released type is unknown, so the catalog's entry is made one; the reading is real.
	d.Exec(t, "CREATE TABLE u (id INT PRIMARY KEY, v INET6); INSERT INTO u VALUES (1, '::1'), (2, NULL)")
	sel := everything(t, s, "", source.Table{Schema: d.Name, Name: "u"})
	sel.Columns[1] = columnOf(columnDef{name: "v", native: "hyperloop(3)", dataType: "hyperloop"}, 2)
	all := scanAll(t, s, "", sel, []source.Range{"{}"}, 10)
	got := map[any]bool{}
	for _, row := range all {
		got[row.Values[1]] = true
	}
	if diff := cmp.Diff(map[any]bool{"::1": true, nil: true}, got); diff != "" {
		t.Error(diff)
	}
}
