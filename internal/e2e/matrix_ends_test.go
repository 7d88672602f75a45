package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// sourceEnd is one kind of source as the matrix's scenes see it. It has the tables goods and side, and
// understands plain SQL.
type sourceEnd interface {
	// config is the source's line of the configuration, and schema what its tables' names begin with.
	config() (line, schema string)
	// exec runs the statements in one transaction, again if it was a deadlock's victim.
	exec(t *testing.T, statements ...string)
	// unlogged runs a statement that the log does not tell of.
	unlogged(t *testing.T, statement string)
	// rows returns what the documents of a table must show, by id.
	rows(t *testing.T, table string) map[string]string
	// change makes one random transaction in goods, with ids up to 2*most, and returns how many changes it made.
	change(rnd *rand.Rand, most int) (int, error)
}

// targetEnd is one kind of target as the matrix's scenes see it.
type targetEnd interface {
	// config is the target's line of the configuration, and prefix what its destinations' names begin with.
	config() (line, prefix string)
	// docs returns what the documents show, by id, in the words of sourceEnd.rows.
	docs(t *testing.T, table string) map[string]string
	// refuseLarge makes the destination of goods beforehand so that it rejects rows with an n above 32767.
	refuseLarge(t *testing.T)
	// lose deletes the destination of goods.
	lose(t *testing.T)
	// overtake gives a document of goods a version of somebody else's that is above ours for a while.
	overtake(t *testing.T, id string)
	// away lets the target refuse all writes for now, until it is called with false.
	away(t *testing.T, yes bool)
}

// lossyEnd is a targetEnd that does not keep all of a row.
type lossyEnd interface {
	// kept is what the target keeps of a row, in the words of sourceEnd.rows.
	kept(row string) string
}

// narrowEnd is a lossyEnd that cannot have a column of goods at all.
type narrowEnd interface {
	lossyEnd
	without() string
}

// openPair opens the ends of a pair, which the test that calls it owns: the one place that knows what
// a name of the matrix stands for.
func openPair(t *testing.T, name string) (sourceEnd, targetEnd) {
	t.Helper()
	source, target, _ := strings.Cut(name, "+")
	from := openSQLEnd(t, servertest.Flavor(source))
	switch target {
	case "elastic":
		return from, openElasticEnd(t)
	case "mongo":
		return from, openMongoEnd(t)
	case "postgres":
		return from, openPostgresEnd(t, servertest.Flavor(source))
	}
	t.Fatalf("no such target: %s", target)
	return nil, nil
}

// sqlEnd is a MySQL, MariaDB or PostgreSQL.
type sqlEnd struct{ *goods }

func openSQLEnd(t *testing.T, flavor servertest.Flavor) sqlEnd {
	t.Helper()
	s := sqlEnd{&goods{t: t, db: servertest.OpenSQL(t, flavor).InSchema(t)}}
	createGoods(t, s.db)
	s.db.Exec(t, "CREATE TABLE side (id INT PRIMARY KEY, v VARCHAR(64))")
	return s
}

func (s sqlEnd) config() (line, schema string) {
	return fmt.Sprintf("source: {url: %q}", s.db.ReplURL), s.db.Name
}

func (s sqlEnd) exec(t *testing.T, statements ...string) {
	t.Helper()
	servertest.Eventually(t, longest, "a transaction without a deadlock", func() (bool, error) {
		err := s.try(t.Context(), statements)
		if err != nil && !isDeadlock(err) {
			t.Fatal(err)
		}
		return err == nil, err
	})
}

func (s sqlEnd) try(ctx context.Context, statements []string) error {
	tx, err := s.db.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s sqlEnd) unlogged(t *testing.T, statement string) {
	t.Helper()
	if s.db.Flavor.IsPostgres() {
		from, ok := strings.CutPrefix(statement, "DELETE FROM goods ")
		if !ok {
			t.Fatalf("no way to do this without the log: %s", statement)
		}
		s.db.Exec(t, "CREATE EXTENSION IF NOT EXISTS pg_surgery; SELECT heap_force_kill('goods'::regclass, ARRAY(SELECT ctid FROM goods "+from+"))")
		return
	}
	s.db.Exec(t, "SET SESSION sql_log_bin = 0; "+statement+"; SET SESSION sql_log_bin = 1")
}

func (s sqlEnd) rows(t *testing.T, table string) map[string]string {
	t.Helper()
	if table == "goods" {
		return s.goods.rows()
	}
	all := map[string]string{}
	for _, row := range s.db.QueryStrings(t, "SELECT id, v FROM side") {
		all[row[0]] = row[1]
	}
	return all
}

// elasticEnd is an Elasticsearch behind a gate that can refuse writes.
type elasticEnd struct {
	*goods
	gate   string
	closed *atomic.Bool
}

func openElasticEnd(t *testing.T) elasticEnd {
	t.Helper()
	e := elasticEnd{goods: &goods{t: t, target: servertest.OpenElastic(t)}, closed: &atomic.Bool{}}
	e.index = e.target.Prefix + "goods"
	server, err := url.Parse(e.target.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(server) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }, // who asked was killed
	}
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.closed.Load() && strings.HasSuffix(r.URL.Path, "/_bulk") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	e.gate = gate.URL
	return e
}

func (e elasticEnd) config() (line, prefix string) {
	return fmt.Sprintf("target: {kind: elastic, url: %q}", e.gate), e.target.Prefix
}

func (e elasticEnd) docs(t *testing.T, table string) map[string]string {
	t.Helper()
	if table == "goods" {
		return e.goods.docs()
	}
	all := map[string]string{}
	for id, doc := range e.target.Docs(t, e.target.Prefix+table) {
		all[id] = fmt.Sprint(doc["v"])
	}
	return all
}

func (e elasticEnd) refuseLarge(t *testing.T) {
	t.Helper()
	e.request(t, "PUT", "/"+e.index+"-000001", `{"aliases": {"`+e.index+`": {"is_write_index": true}}, "mappings": {"dynamic": "strict", "properties": {
		"small": {"type": "short"}, "n": {"type": "long", "copy_to": "small"}}}}`)
}

func (e elasticEnd) lose(t *testing.T) {
	t.Helper()
	e.request(t, "DELETE", "/"+e.index+"-000001", nil)
}

func (e elasticEnd) overtake(t *testing.T, id string) {
	t.Helper()
	status, answer := e.target.Do(t, "GET", "/"+e.index+"/_doc/"+id, nil)
	var doc struct {
		Version int64 `json:"_version"`
	}
	if err := json.Unmarshal(answer, &doc); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	// Ours may be ahead of the clock: the versions of a fresh state begin above all that others left.
	later := max(time.Now().UnixMicro(), doc.Version) + (10 * time.Minute).Microseconds()
	e.request(t, "PUT", fmt.Sprintf("/%s/_doc/%s?version=%d&version_type=external", e.index, id, later), `{"v": "of somebody else"}`)
}

func (e elasticEnd) away(_ *testing.T, yes bool) { e.closed.Store(yes) }

func (e elasticEnd) request(t *testing.T, method, path string, body any) {
	t.Helper()
	if status, answer := e.target.Do(t, method, path, body); status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
}
