package mysql

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// rangesOf makes ranges of cuts, as Split does.
func rangesOf(t *testing.T, cuts []source.Key) []source.Range {
	t.Helper()
	var ranges []source.Range
	var b bounds
	for _, cut := range append(cuts, "") {
		b.Upto = []byte(cut)
		r, err := b.encode()
		if err != nil {
			t.Fatal(err)
		}
		ranges, b.After = append(ranges, r), b.Upto
	}
	return ranges
}

// TestSplit_ByProbes: tables too large to be counted are cut by looking at some rows. Here they
// are small, and the way is taken by hand.
func TestSplit_ByProbes(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for name, c := range map[string]struct{ key, value string }{
			"hex":       {"k CHAR(32), PRIMARY KEY (k)", "'%[1]s'"},
			"prefixed":  {"k VARCHAR(40), PRIMARY KEY (k)", "'user-%[1]s'"},
			"umlauts":   {"k VARCHAR(40), PRIMARY KEY (k)", "'ä%[1]s'"},
			"binary":    {"k BINARY(16), PRIMARY KEY (k)", "X'%[1]s'"},
			"composite": {"k VARCHAR(40), n INT, PRIMARY KEY (k, n)", "'%[1]s', %[2]d"},
			"uuid":      {"k UUID, PRIMARY KEY (k)", "INSERT(INSERT('%[1]s', 13, 1, '4'), 17, 1, 'a')"},
		} {
			if name == "uuid" && d.Flavor != servertest.MariaDB {
				continue
			}
			const n = 600
			rows := make([]string, n)
			for i := range rows {
				hash := md5.Sum([]byte{byte(i), byte(i >> 8)})
				rows[i] = "(" + fmt.Sprintf(c.value+"/* %[2]d */", hex.EncodeToString(hash[:]), i) + ")"
			}
			name = "p_" + name
			d.Exec(t, "CREATE TABLE "+name+" ("+c.key+"); INSERT INTO "+name+" VALUES "+strings.Join(rows, ","))
			sel := everything(t, s, "", tableIn(d, name))
			p, err := planOf(sel)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := s.db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			cuts, err := cutByProbes(t.Context(), &session{conn: conn}, p, 4)
			conn.Close()
			if err != nil || len(cuts) != 3 {
				t.Fatalf("%s: %d cuts: %v", name, len(cuts), err)
			}
			total := 0
			for _, r := range rangesOf(t, cuts) {
				part := len(scanAll(t, s, "", sel, []source.Range{r}, 50))
				if part < n/12 {
					t.Errorf("%s: a range of %d of %d rows", name, part, n)
				}
				total += part
			}
			if total != n {
				t.Errorf("%s: %d of %d rows", name, total, n)
			}
		}
	})
}

// TestSplit_WithoutStatistics: the estimate of a table that was just filled is far off, and yet no
// range holds nearly everything.
func TestSplit_WithoutStatistics(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		rows := make([]string, 3000)
		for i := range rows {
			rows[i] = fmt.Sprintf("('k%05d')", i)
		}
		d.Exec(t, "CREATE TABLE f (k VARCHAR(9) PRIMARY KEY); INSERT INTO f VALUES "+strings.Join(rows, ","))
		sel := everything(t, s, "", tableIn(d, "f"))
		p, err := planOf(sel)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		cuts, err := cutByRows(t.Context(), &session{conn: conn}, p, 5, 0)
		if err != nil || len(cuts) < 2 {
			t.Fatalf("%d cuts: %v", len(cuts), err)
		}
		total := 0
		for _, r := range rangesOf(t, cuts) {
			part := len(scanAll(t, s, "", sel, []source.Range{r}, 1000))
			if part > 2000 {
				t.Errorf("a range of %d of 3000 rows", part)
			}
			total += part
		}
		if total != 3000 {
			t.Errorf("%d rows in all", total)
		}
	})
}
