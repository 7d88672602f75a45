package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meepo-replicate/meepo/internal/matrix"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// goods is a table under replication: the rows in a database of the test's own, the documents in
// an index of its own, and the configuration between them.
type goods struct {
	t      *testing.T
	db     *servertest.Database
	target *servertest.Elastic
	dir    string
	index  string
	env    []string
	runs   []*running
}

// values finds values of rows that fill and change have written.
var values = regexp.MustCompile(`value \d|changed \d|new \d|a note that makes`)

const (
	goodsTable = `CREATE TABLE goods (
	id BIGINT PRIMARY KEY, v VARCHAR(64) NOT NULL, n INT UNSIGNED, d DECIMAL(12,2), at DATETIME(6), note TEXT, KEY (n))`
	goodsTablePostgres = `CREATE TABLE goods (
	id bigint PRIMARY KEY, v varchar(64) NOT NULL, n int, d numeric(12,2), at timestamp, note text); CREATE INDEX ON goods (n)`

	goodsRead         = `SELECT id, v, n, d, DATE_FORMAT(at, '%Y-%m-%dT%H:%i:%s.%f'), note FROM goods`
	goodsReadPostgres = `SELECT id, v, n, d, replace(at::text, ' ', 'T'), note FROM goods`
)

// createGoods makes the empty table.
func createGoods(t *testing.T, db *servertest.Database) {
	t.Helper()
	if db.Flavor.IsPostgres() {
		db.Exec(t, goodsTablePostgres)
		return
	}
	db.Exec(t, goodsTable)
}

// newGoods makes the table with n rows, ids 1 to n.
func newGoods(t *testing.T, flavor servertest.Flavor, n int) *goods {
	t.Helper()
	return goodsBetween(t, servertest.OpenSQL(t, flavor).InSchema(t), servertest.OpenElastic(t), n)
}

// goodsBetween is newGoods for servers of the test's own.
func goodsBetween(t *testing.T, db *servertest.Database, target *servertest.Elastic, n int) *goods {
	t.Helper()
	g := &goods{t: t, db: db, target: target}
	g.index = g.target.Prefix + "goods"
	g.env = []string{"ES=" + g.target.URL}
	g.dir = in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: \"${ES}\"}\nmappings:\n  - {name: goods, from: %s.goods, to: %s}\n",
		g.db.ReplURL, g.db.Name, g.index))
	createGoods(t, g.db)
	g.fill(1, n)
	return g
}

// fill inserts the rows with these ids, a few thousand per statement.
func (g *goods) fill(from, to int) {
	g.t.Helper()
	const most = 5000
	for ; from <= to; from += most {
		var rows strings.Builder
		for id := from; id < from+most && id <= to; id++ {
			if id > from {
				rows.WriteByte(',')
			}
			fmt.Fprintf(&rows, "(%d,'value %d',%d,%d.%02d,'2026-01-02 03:04:05.%06d','a note that makes the row longer, number %d')", id, id, id%1000, id%777, id%100, id%1000000, id)
		}
		g.db.Exec(g.t, "INSERT INTO goods VALUES "+rows.String())
	}
}

// start starts the program on the table.
func (g *goods) start(args ...string) *running {
	g.t.Helper()
	r := invocation{args: args, dir: g.dir, env: g.env}.start(g.t)
	g.runs = append(g.runs, r)
	return r
}

// rows reads the table: per id what the document must show.
func (g *goods) rows() map[string]string {
	g.t.Helper()
	query := goodsRead
	if g.db.Flavor.IsPostgres() {
		query = goodsReadPostgres
	}
	rows, err := g.db.DB.QueryContext(g.t.Context(), query)
	if err != nil {
		g.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var c [6]sql.NullString
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5]); err != nil {
			g.t.Fatal(err)
		}
		all[c[0].String] = shown(c[0], c[1], c[2], c[3], c[4], c[5])
	}
	if err := rows.Err(); err != nil {
		g.t.Fatal(err)
	}
	return all
}

func shown(columns ...sql.NullString) string {
	var b strings.Builder
	for _, c := range columns {
		if c.Valid {
			fmt.Fprintf(&b, "%s|", c.String)
		} else {
			b.WriteString("<nil>|")
		}
	}
	return b.String()
}

// equal compares table and documents, field by field, and reports the first differences. It also sees
// to it that no log holds a row's values.
func (g *goods) equal() {
	g.t.Helper()
	for _, r := range g.runs {
		if found := values.FindString(r.stderr.String()); found != "" {
			g.t.Errorf("a row's value is in the log: %q", found)
		}
	}
	sameMaps(g.t, g.rows(), g.docs())
}

// docs reads the documents: by id what they show.
func (g *goods) docs() map[string]string {
	g.t.Helper()
	docs := g.target.Docs(g.t, g.index)
	got := make(map[string]string, len(docs))
	for id, doc := range docs {
		var b strings.Builder
		for _, field := range []string{"id", "v", "n", "d", "at", "note"} {
			fmt.Fprintf(&b, "%v|", doc[field])
		}
		got[id] = b.String()
	}
	return got
}

func sameMaps(t *testing.T, want, got map[string]string) {
	t.Helper()
	wrong := 0
	report := func(format string, args ...any) {
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	for id, row := range want {
		if doc, ok := got[id]; !ok {
			report("row %s has no document", id)
		} else if doc != row {
			report("row %s is\n%s, its document\n%s", id, row, doc)
		}
	}
	for id, doc := range got {
		if _, ok := want[id]; !ok {
			report("document without a row: %s %s", id, doc)
		}
	}
	t.Logf("%d rows, %d documents compared, %d differences", len(want), len(got), wrong)
}

// writers change the table at full speed until stopped.
type writers struct {
	stop chan struct{}
	once sync.Once
	wg   sync.WaitGroup
	done atomic.Int64
}

// scribble starts n writers over ids up to most: inserts, updates, deletes and changes of the key,
// single and in transactions of several, some of which are rolled back.
func (g *goods) scribble(n, most int) *writers {
	w := &writers{stop: make(chan struct{})}
	g.t.Cleanup(func() { w.end() })
	for i := range n {
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		w.wg.Go(func() {
			for {
				select {
				case <-w.stop:
					return
				default:
				}
				changes, err := g.change(rnd, most)
				if err != nil {
					g.t.Errorf("writer %d: %v", i, err)
					return
				}
				w.done.Add(int64(changes))
			}
		})
	}
	return w
}

// end stops the writers and returns how many changes they made.
func (w *writers) end() int64 {
	w.once.Do(func() { close(w.stop) })
	w.wg.Wait()
	return w.done.Load()
}

// change makes one transaction of random changes. Deadlocks and duplicate keys leave some out.
func (g *goods) change(rnd *rand.Rand, most int) (int, error) {
	tx, err := g.db.DB.Begin()
	if err != nil {
		return 0, err
	}
	n := 1
	if rnd.IntN(4) == 0 {
		n += rnd.IntN(20)
	}
	for range n {
		id, other := 1+rnd.IntN(most), 1+rnd.IntN(2*most)
		var change string
		switch rnd.IntN(6) {
		case 0:
			change = fmt.Sprintf("INSERT INTO goods (id, v, n) VALUES (%d, 'new %d', NULL)", other, rnd.IntN(1000))
		case 1, 2, 3:
			change = fmt.Sprintf("UPDATE goods SET v = 'changed %d', n = n + 1, d = d + 0.25, at = CURRENT_TIMESTAMP(6) WHERE id = %d", rnd.IntN(1000), id)
		case 4:
			change = fmt.Sprintf("DELETE FROM goods WHERE id = %d", other)
		case 5:
			change = fmt.Sprintf("UPDATE goods SET id = %d WHERE id = %d", other, id)
		}
		err = g.attempt(tx, change)
		if err != nil && !expected(err) {
			return 0, fmt.Errorf("%w, %w", err, tx.Rollback())
		}
		if err != nil && isDeadlock(err) {
			return 0, tx.Rollback()
		}
	}
	if rnd.IntN(20) == 0 {
		return 0, tx.Rollback()
	}
	return n, tx.Commit()
}

// attempt runs a statement, of whose failure a transaction of PostgreSQL's would not recover.
func (g *goods) attempt(tx *sql.Tx, statement string) error {
	if !g.db.Flavor.IsPostgres() {
		_, err := tx.Exec(statement)
		return err
	}
	if _, err := tx.Exec("SAVEPOINT before"); err != nil {
		return err
	}
	_, err := tx.Exec(statement)
	if err != nil && !isDeadlock(err) {
		_, failed := tx.Exec("ROLLBACK TO SAVEPOINT before")
		err = errors.Join(err, failed)
	}
	return err
}

func isDeadlock(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code == "40P01"
	}
	var e *mysql.MySQLError
	// 1146: a trigger's table was swapped away under the statement, as pt-osc's may be.
	return errors.As(err, &e) && (e.Number == 1213 || e.Number == 1205 || e.Number == 1020 || e.Number == 1146)
}

func expected(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code == "23505" || isDeadlock(err)
	}
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1062 || isDeadlock(err))
}

// onAny runs a test that speaks plain SQL on each kind of source.
func onAny(t *testing.T, test func(t *testing.T, flavor servertest.Flavor)) {
	t.Helper()
	onEach(t, test)
	t.Run(string(servertest.Postgres), func(t *testing.T) { test(t, servertest.Postgres) })
}

// onEach runs a test on each kind of MySQL and MariaDB.
func onEach(t *testing.T, test func(t *testing.T, flavor servertest.Flavor)) {
	t.Helper()
	for _, flavor := range servertest.Flavors() {
		t.Run(string(flavor), func(t *testing.T) { test(t, flavor) })
	}
}

// onFew runs a test on some sources, and on all with MEEPO_MATRIX=full.
func onFew(t *testing.T, few []servertest.Flavor, test func(t *testing.T, flavor servertest.Flavor)) {
	t.Helper()
	if os.Getenv("MEEPO_MATRIX") == "full" {
		onAny(t, test)
		return
	}
	for _, flavor := range few {
		t.Run(string(flavor), func(t *testing.T) { test(t, flavor) })
	}
}

// onPairs runs a test on some pairs, at once, and on all with MEEPO_MATRIX=full.
func onPairs(t *testing.T, few []string, test func(t *testing.T, source sourceEnd, target targetEnd)) {
	t.Helper()
	names := few
	if os.Getenv("MEEPO_MATRIX") == "full" {
		names = nil
		for _, pair := range matrix.Pairs {
			names = append(names, pair.Name)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := openPair(t, name)
			test(t, source, target)
		})
	}
}

// sentinel inserts a last row and waits for its document: all before it has been taken in by then.
func (g *goods) sentinel(r *running) {
	g.t.Helper()
	var id int64
	if err := g.db.DB.QueryRow("SELECT COALESCE(MAX(id), 0) + 1000000 FROM goods").Scan(&id); err != nil {
		g.t.Fatal(err)
	}
	g.db.Exec(g.t, fmt.Sprintf("INSERT INTO goods (id, v) VALUES (%d, 'sentinel')", id))
	r.await(g.t, "the last row in the target", func() (bool, error) {
		status, _ := g.target.Do(g.t, "GET", fmt.Sprintf("/%s/_doc/%d", g.index, id), nil)
		return status == 200, nil
	})
}

// finish lets one more run do what is left and end by itself: what the log told last may have queued a
// copy that a signal has kept from its end.
func (g *goods) finish() {
	g.t.Helper()
	if code := g.start("--once").wait(g.t); code != 0 {
		g.t.Fatalf("exit code %d", code)
	}
}

// settle waits for the end of the copy and of all changes, stops the program and compares.
func (g *goods) settle(r *running) {
	g.t.Helper()
	r.awaitLog(g.t, "backfill done")
	g.sentinel(r)
	r.stop(g.t)
	g.equal()
}
