package servertest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

func TestStartSQL_KeepsDataAndPort(t *testing.T) {
	for _, f := range append(servertest.PostgresFlavors(), servertest.MariaDB, servertest.MySQLNoGTID) {
		t.Run(string(f), func(t *testing.T) {
			p := servertest.StartSQL(t, f)
			d := p.Open(t)
			d.Exec(t, "CREATE TABLE x (id INT PRIMARY KEY); INSERT INTO x VALUES (1)")
			for _, c := range []struct {
				name string
				end  func(testing.TB)
			}{{"stop", p.Stop}, {"kill", p.Kill}} {
				c.end(t) // the pool's connection stays open: a server that ends does not wait for it
				if err := d.DB.PingContext(t.Context()); err == nil {
					t.Fatalf("the server answers after %s", c.name)
				}
				c.end(t) // a server that has ended may be ended again
				p.Start(t)
				// The pool's old connections are found to be dead first.
				servertest.Eventually(t, 10*time.Second, "a connection after "+c.name, func() (bool, error) {
					err := d.DB.PingContext(t.Context())
					return err == nil, err
				})
				if got := d.QueryInt(t, "SELECT COUNT(*) FROM x"); got != 1 {
					t.Errorf("rows after %s: %d, want 1", c.name, got)
				}
			}
		})
	}
}

func TestStartSQL_OptionsWin(t *testing.T) {
	p := servertest.StartSQL(t, servertest.MySQL, "--binlog-format=STATEMENT")
	d := p.Open(t)
	if got := d.QueryString(t, "SELECT @@global.binlog_format"); got != "STATEMENT" {
		t.Errorf("binlog_format: %s, want STATEMENT", got)
	}
	p.Exec(t, "SET GLOBAL max_connections = 77")
	if got := d.QueryInt(t, "SELECT @@max_connections"); got != 77 {
		t.Errorf("max_connections after Exec: %d, want 77", got)
	}
	p.Stop(t)
	p.Start(t, "--skip-log-bin")
	if got := p.Open(t).QueryInt(t, "SELECT @@log_bin"); got != 0 {
		t.Errorf("log_bin: %d, want 0", got)
	}
}

func TestStartSQL_EndsWithTheTest(t *testing.T) {
	var server string
	t.Run("inner", func(t *testing.T) { server = servertest.StartSQL(t, servertest.MariaDB).URL })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.Get("http://" + u.Host); err == nil {
		resp.Body.Close()
		t.Errorf("something answers on %s", u.Host)
	}
}

func TestStartElastic_KeepsDataAndPort(t *testing.T) {
	p := servertest.StartElastic(t, "http.max_content_length=100kb")
	e := p.Open()
	index := e.Prefix + "x"
	if status, answer := e.Do(t, http.MethodPut, "/"+index+"/_doc/1", map[string]int{"n": 1}); status != http.StatusCreated {
		t.Fatalf("write: status %d: %s", status, answer)
	}
	if status, _ := e.Do(t, http.MethodPut, "/"+index+"/_doc/2", make([]byte, 200_000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a request over the limit of the settings: status %d, want 413", status)
	}
	for _, end := range []func(testing.TB){p.Kill, p.Stop} {
		end(t)
		if resp, err := http.Get(p.URL); err == nil {
			resp.Body.Close()
			t.Fatal("the server answers after its end")
		}
		p.Start(t)
		if got := e.Count(t, index); got != 1 {
			t.Errorf("documents after a restart: %d, want 1", got)
		}
	}
}
