package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// endpoint waits until the program serves and returns where.
func (r *running) endpoint(t *testing.T) string {
	t.Helper()
	r.awaitLog(t, "msg=listening")
	return "http://" + listening.FindStringSubmatch(r.stderr.String())[1]
}

// get asks for a page and returns status and text.
func get(url string) (int, string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// awaitPage waits for a status and a text of a page.
func (r *running) awaitPage(t *testing.T, url string, status int, want string) string {
	t.Helper()
	var page string
	r.await(t, fmt.Sprintf("%d and %q at %s", status, want, url), func() (bool, error) {
		got, text, err := get(url)
		page = text
		return err == nil && got == status && strings.Contains(text, want), fmt.Errorf("%d %s %w", got, text, err)
	})
	return page
}

func TestListen_OnARun(t *testing.T) {
	db, target, file := shop(t, servertest.MySQL, 500)
	dir, env := in(t, file), []string{"ES=" + target.URL}
	r := invocation{args: []string{"--listen=127.0.0.1:0"}, dir: dir, env: env}.start(t)
	at := r.endpoint(t)
	r.awaitPage(t, at+"/readyz", http.StatusOK, "caught up")
	r.awaitPage(t, at+"/healthz", http.StatusOK, "healthy")
	db.Exec(t, "DELETE FROM orders WHERE id <= 3")
	table := db.Name + ".orders"
	page := r.awaitPage(t, at+"/metrics", http.StatusOK, `meepo_ops_written_total{destination="`+target.Prefix+`orders",verb="delete"} 3`)
	for _, want := range []string{
		`meepo_events_total{action="delete",table="` + table + `"} 3`,
		`meepo_rows_read_total{mapping="orders/` + table + `",reason="copy"} 500`,
		"\nmeepo_lag_seconds ", "\nmeepo_saved_position_age_seconds ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in:\n%s", want, page)
		}
	}

	second := invocation{args: []string{"--listen=" + strings.TrimPrefix(at, "http://"), "--state=other.db"}, dir: dir, env: env}.run(t)
	if code := second.wait(t); code != 1 {
		t.Errorf("with a port in use: exit code %d", code)
	}
	for _, want := range []string{"serve metrics", "address already in use", "choose another address with --listen"} {
		if !strings.Contains(second.stderr.String(), want) {
			t.Errorf("with a port in use it does not say %q:\n%s", want, second.stderr)
		}
	}
	r.stop(t)
}

// TestListen_SourceGoesSilent: the connections to the source stay open and carry nothing any more.
func TestListen_SourceGoesSilent(t *testing.T) {
	db, target, file := shop(t, servertest.MariaDB, 10)
	network, _ := inFront(t, db.ReplURL)
	file = regexp.MustCompile(`@[0-9.:]+/`).ReplaceAllString(file, "@"+network.Addr+"/")
	r := invocation{args: []string{"--listen=127.0.0.1:0"}, dir: in(t, file), env: []string{"ES=" + target.URL}}.start(t)
	at := r.endpoint(t)
	r.awaitPage(t, at+"/readyz", http.StatusOK, "caught up")
	network.Freeze()
	awaitHeld(t, network)
	r.awaitPage(t, at+"/healthz", http.StatusServiceUnavailable, "the source's log has been silent for")
	r.awaitPage(t, at+"/readyz", http.StatusServiceUnavailable, "behind the source")
	r.stop(t)
}
