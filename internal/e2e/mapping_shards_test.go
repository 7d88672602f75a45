package e2e

import (
	"fmt"
	"testing"
)

// TestMapping_Shards: two tables with the same keys share a destination, kept apart by an id that holds the table's name.
// Changes, a TRUNCATE and a copy made anew of one leave the other's documents alone, in every target.
func TestMapping_Shards(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		source.exec(t, "CREATE TABLE part_1 (id INT PRIMARY KEY, v VARCHAR(64))", "CREATE TABLE part_2 (id INT PRIMARY KEY, w VARCHAR(64), v VARCHAR(20))",
			"INSERT INTO part_1 VALUES (1, 'a'), (2, 'b')", "INSERT INTO part_2 VALUES (1, 'x', 'c'), (3, 'y', 'd')")
		from, schema := source.config()
		to, prefix := target.config()
		p := &plant{t: t, source: source, target: target, dir: in(t, fmt.Sprintf(
			"version: 1\n%s\n%s\nmappings:\n  - {name: parts, from: %s.part_*, to: %sside, id: \"{table}:{id}\", fields: {part: {value: \"{table}\"}}}\n", from, to, schema, prefix))}
		r := p.start("", false)
		p.awaitCopied(r)
		p.wantShards(r, "part_1:1 a", "part_1:2 b", "part_2:1 c", "part_2:3 d")
		source.exec(t, "UPDATE part_1 SET v = 'A' WHERE id = 1", "DELETE FROM part_2 WHERE id = 1", "UPDATE part_1 SET id = 3 WHERE id = 2")
		p.wantShards(r, "part_1:1 A", "part_1:3 b", "part_2:3 d")
		source.exec(t, "TRUNCATE TABLE part_1")
		p.wantShards(r, "part_2:3 d")
		r.stop(t)
		source.exec(t, "INSERT INTO part_1 VALUES (3, 'again')", "UPDATE part_2 SET v = 'D'")
		r = p.start("", false)
		p.wantShards(r, "part_1:3 again", "part_2:3 D")
		p.resume("parts/" + schema + ".part_2")
		source.exec(t, "INSERT INTO part_2 VALUES (4, 'z', 'e')")
		p.wantShards(r, "part_1:3 again", "part_2:3 D", "part_2:4 e")
		r.await(t, "nothing left to do", func() (bool, error) {
			s, err := statusIf(t, p.dir, nil)
			return err == nil && len(s.Jobs)+len(s.Parked)+s.Letters == 0, err
		})
		r.stop(t)
		p.wantShards(nil, "part_1:3 again", "part_2:3 D", "part_2:4 e")
	})
}

// wantShards waits until the shared destination has these documents, as id and v.
func (p *plant) wantShards(r *running, docs ...string) {
	p.t.Helper()
	want := map[string]string{}
	for _, doc := range docs {
		var id, v string
		if _, err := fmt.Sscan(doc, &id, &v); err != nil {
			p.t.Fatal(err)
		}
		want[id] = v
	}
	same := func() (bool, error) {
		got := p.shards()
		return fmt.Sprint(got) == fmt.Sprint(want), fmt.Errorf("there are %v", got)
	}
	if r == nil {
		if ok, err := same(); !ok {
			p.t.Errorf("want %v: %v", want, err)
		}
		return
	}
	r.await(p.t, fmt.Sprintf("documents %v", want), same)
}

func (p *plant) shards() map[string]string {
	p.t.Helper()
	sql, ok := p.target.(postgresEnd)
	if !ok {
		return p.target.docs(p.t, "side")
	}
	all := map[string]string{}
	if sql.db.QueryString(p.t, "SELECT to_regclass('"+endSchema+".side') IS NULL") == "true" {
		return all
	}
	for _, row := range sql.db.QueryStrings(p.t, "SELECT _id, v FROM "+endSchema+".side") {
		all[row[0]] = row[1]
	}
	return all
}
