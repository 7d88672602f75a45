package e2e

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestCheck_DeadLetters: check tells of rows that the mapping makes dead letters of, instead of calling those few that are
// left fine.
func TestCheck_DeadLetters(t *testing.T) {
	db, target := servertest.OpenSQL(t, servertest.MySQL), servertest.OpenElastic(t)
	db.Exec(t, `SET SESSION sql_mode = ''; CREATE TABLE orders (id INT PRIMARY KEY, day DATE, n VARCHAR(9));
		INSERT INTO orders VALUES (1, '0000-00-00', '1'), (2, '2024-01-01', '2'), (3, '2024-01-01', 'many')`)
	dir := in(t, "version: 1\nsource: {url: '"+db.ReplURL+"'}\ntarget: {kind: elastic, url: '"+target.URL+"'}\nmappings:\n  - name: a\n    from: "+
		db.Name+".orders\n    to: "+target.Prefix+"orders\n    fields: {day: {zero_date: error}, m: {expr: int(n)}}\n")
	checked := checkJSON(t, 0, invocation{dir: dir})
	for _, f := range checked.Findings {
		if f.Severity == "warning" && strings.HasPrefix(f.Message, "2 of 3 rows that were looked at become dead letters; the first: map row 1 of "+db.Name+".orders: field day: zero_date") &&
			f.Place != nil && f.Place.Line == 7 {
			return
		}
	}
	t.Errorf("%+v", checked.Findings)
}
