package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asked is what a run answers over its socket.
func asked(t *testing.T, dir, path string) (status int, answer map[string]any) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "meepo-state.db.sock"))
	}}}
	response, err := client.Get("http://run" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil && response.StatusCode != http.StatusMethodNotAllowed {
		t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
	}
	return response.StatusCode, answer
}

// TestControl: a run answers over its socket, also after one that was killed has left its own behind.
func TestControl(t *testing.T) {
	p := newPlant(t, "mysql+elastic", 100)
	r := p.start("", false)
	p.awaitCopied(r)
	r.signal(t, syscall.SIGKILL)
	<-r.ended
	r = p.start("", false)
	r.await(t, "the run", func() (bool, error) {
		s, err := statusIf(t, p.dir, nil)
		return err == nil && s.copied() && strings.Contains(r.stderr.String(), "msg=start"), err
	})
	p.awaitCaughtUp(r)
	_, schema := p.source.config()
	for path, want := range map[string]string{
		"/v1/status":                                       "200 Position",
		"/v1/wait?timeout=30s":                             "200 position",
		"/v1/wait?timeout=x":                               "400 what_to_do",
		"/v1/wait?position=nonsense&timeout=1s":            "400 what_to_do",
		"/v1/key?mapping=goods/" + schema + ".goods&key=7": "200 state",
		"/v1/key?mapping=goods/" + schema + ".goods&key=x": "400 what_to_do",
		"/v1/key?mapping=nobodys&key=7":                    "200 state",
	} {
		status, answer := asked(t, p.dir, path)
		code, member, _ := strings.Cut(want, " ")
		if _, has := answer[member]; fmt.Sprint(status) != code || !has {
			t.Errorf("%s: %d %v, want %s", path, status, answer, want)
		}
	}
	r.stop(t)
	if left, err := filepath.Glob(filepath.Join(p.dir, "*.sock")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
