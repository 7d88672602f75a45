package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/replicate/state"
)

// letterState makes the state file of the working directory, as a run left it: seven letters of orders,
// one of each of a table that is parked and of one that is not copied any more.
func letterState(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	store, err := state.Open(t.Context(), "meepo-state.db")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c := state.Change{
		Checkpoint: &state.Checkpoint{Position: "p"},
		Plans:      []state.Plan{{Plan: "orders/shop.orders", Source: "shop.orders", Destination: "all-orders"}},
		Park:       []state.Parked{{Plan: "shop.users", Reason: "why", Advice: "what", At: time.Now()}},
	}
	letter := func(plan, key, reason string, age time.Duration) {
		c.Letters = append(c.Letters, state.Letter{
			Plan: plan, Key: "k" + key, KeyText: key, Document: "d" + key, Reason: reason, At: time.Now().Add(-age),
		})
	}
	for i := range 6 {
		letter("orders/shop.orders", fmt.Sprint(i), "field [when]: no date", time.Duration(i)*time.Hour+time.Minute)
	}
	letter("orders/shop.orders", "-7", "too long\x1b[2J", 9*24*time.Hour)
	letter("shop.users", "1", "field [name] too long", 10*24*time.Hour)
	letter("shop.gone", "1,x", "field [when]: no date", 11*24*time.Hour)
	if err := store.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c = state.Change{Letters: c.Letters[6:7]}
	if err := store.Save(t.Context(), c); err != nil { // once more
		t.Fatal(err)
	}
}

// letterKeys returns the keys in the lines of list --json.
func letterKeys(t *testing.T, stdout string) string {
	t.Helper()
	var keys []string
	for line := range strings.Lines(stdout) {
		var l letterStatus
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Plan == "" || l.Document != "d"+l.Key || l.At.IsZero() || l.Tries < 1 {
			t.Errorf("%s: %v", line, err)
		}
		keys = append(keys, l.Key)
	}
	return strings.Join(keys, " ")
}

func TestDeadletters_List(t *testing.T) {
	letterState(t)
	for args, want := range map[string]string{
		"":                                     "0 1 2 3 4 5 -7 1 1,x",
		"--table=orders":                       "0 1 2 3 4 5 -7",
		"--table=shop.orders":                  "0 1 2 3 4 5 -7",
		"--table=shop.usres":                   "",
		"--table=shop.users":                   "1",
		"--table=shop.gone --table=shop.users": "1 1,x",
		"--reason=no*date":                     "0 1 2 3 4 5 1,x",
		"--older=4h":                           "4 5 -7 1 1,x",
		"--older=4h --newer=10.5d":             "4 5 -7 1",
		"--newer=1h":                           "0",
		"--limit=2":                            "0 1",
		"--limit=0 --older=9.5d":               "1 1,x",
	} {
		code, stdout, stderr := call(t, append([]string{"deadletters", "list", "--json"}, strings.Fields(args)...)...)
		if args == "--table=shop.usres" {
			if code != exitUsage || !strings.Contains(stderr, `did you mean "shop.users"`) {
				t.Errorf("%s: exit code %d, %s", args, code, stderr)
			}
			continue
		}
		if got := letterKeys(t, stdout); code != exitOK || got != want {
			t.Errorf("%s: exit code %d, %q, want %q: %s", args, code, got, want, stderr)
		}
	}
	_, stdout, _ := call(t, "deadletters", "list", "--limit=7")
	if !strings.HasPrefix(stdout, "REJECTED AT ") || strings.Count(stdout, "\n") != 9 || !strings.HasSuffix(stdout, "… and 2 more: --limit 0 shows all\n") ||
		strings.Contains(stdout, "\x1b") {
		t.Errorf("%q", stdout)
	}
	if _, stdout, _ = call(t, "deadletters", "list", "--reason=nothing"); stdout != "none of the 9 dead letters is meant\n" {
		t.Errorf("%q", stdout)
	}
}

func TestDeadletters_Show(t *testing.T) {
	letterState(t)
	code, stdout, _ := call(t, "deadletters", "show", "--", "-7")
	for _, want := range []string{"mapping      orders/shop.orders\n", "key          -7\n", "destination  all-orders\n", "document     d-7\n",
		", the last of 2 times\n", "reason       too long\\x1b[2J\n"} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, stdout)
		}
	}
	code, stdout, _ = call(t, "deadletters", "show", "1")
	if code != exitOK || strings.Count(stdout, "mapping ") != 2 || strings.Count(stdout, ", once\n") != 2 || strings.Count(stdout, "\n\n") != 1 {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	if code, stdout, _ = call(t, "deadletters", "show", "1", "--table=orders", "--json"); code != exitOK || letterKeys(t, stdout) != "1" {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	code, stdout, stderr := call(t, "deadletters", "show", "1", "99", "98", "--json")
	if code != exitUsage || letterKeys(t, stdout) != "1 1" || !strings.Contains(stderr, `no dead letter has the key "99", "98"`) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// left returns the keys of all letters, and what is asked for.
func left(t *testing.T) (keys string, asked []state.Pending) {
	t.Helper()
	_, stdout, _ := call(t, "deadletters", "list", "--json")
	store, err := state.OpenReadOnly(t.Context(), "meepo-state.db")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if asked, err = store.PendingRequests(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for i := range asked {
		asked[i].Since = time.Time{}
	}
	return letterKeys(t, stdout), asked
}

func TestDeadletters_NothingIsMeantByDefault(t *testing.T) {
	letterState(t)
	for args, want := range map[string]string{
		"drop":                      "nothing says which of the 9 dead letters are to be dropped",
		"retry":                     "nothing says which of the 9 dead letters are to be retried",
		"drop --limit=1":            "nothing says which",
		"drop --all --table=orders": "--all and a key or filter are given",
		"retry 0 nokey":             `no dead letter has the key "nokey"`,
		"drop --older=soon":         `"soon" is not an age such as 90s, 30m, 1h or 7d`,
		"drop --older=-1h":          `"-1h" is not an age`,
		"drop --all --limit=-1":     "--limit is below 0",
		"drop --table=oders":        `did you mean "orders"?`,
	} {
		code, stdout, stderr := call(t, append([]string{"deadletters"}, strings.Fields(args)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "what to do: ") {
			t.Errorf("%s: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := call(t, "deadletters", "drop", "--all", "--dry-run"); code != exitOK ||
		stdout != "9 dead letters (7 of orders/shop.orders, 1 of shop.gone, 1 of shop.users) would be dropped\n" {
		t.Errorf("exit code %d, %s", code, stdout)
	}
	if keys, asked := left(t); keys != "0 1 2 3 4 5 -7 1 1,x" || len(asked) != 0 {
		t.Errorf("%s, %v", keys, asked)
	}
}

// TestDeadletters_WithoutARun drops at once, and lets the next run retry.
func TestDeadletters_WithoutARun(t *testing.T) {
	letterState(t)
	code, stdout, stderr := call(t, "deadletters", "drop", "--reason=too long")
	if code != exitOK || stdout != "2 dead letters (1 of orders/shop.orders, 1 of shop.users) are dropped\n" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = call(t, "deadletters", "retry", "0", "1,x")
	if want := "left alone: dead letters of shop.gone, as it is not copied any more: meepo-replicate deadletters drop --table shop.gone forgets them\n" +
		"1 dead letters (1 of orders/shop.orders) will be retried by the next run, as none is on now\n"; code != exitOK || stdout != want {
		t.Errorf("exit code %d, %s%s", code, cmp.Diff(want, stdout), stderr)
	}
	keys, asked := left(t)
	if keys != "0 1 2 3 4 5 1,x" || !cmp.Equal(asked, []state.Pending{{Verb: state.RetryLetter, Plan: "orders/shop.orders", Count: 1}}) {
		t.Errorf("%s, %v", keys, asked)
	}
	code, stdout, stderr = call(t, "deadletters", "retry", "1", "--wait")
	if code != exitFailed || !strings.Contains(stdout, "will be retried by the next run") || !strings.Contains(stderr, "1 dead letters are not tried yet, and no run is on") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if _, stdout, _ = call(t, "status"); !strings.Contains(stdout, "  retry of 2 dead letters of orders/shop.orders, since 2") {
		t.Errorf("%s", stdout)
	}
}

// TestDeadletters_DuringARun is served by a run of the test's own: what it does to the letters is told.
func TestDeadletters_DuringARun(t *testing.T) {
	letterState(t)
	run, err := state.Open(t.Context(), "meepo-state.db")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	code, stdout, stderr := call(t, "deadletters", "drop", "--table=shop.gone")
	if code != exitOK || stdout != "1 dead letters (1 of shop.gone) will be dropped by the run that is on now\n" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = call(t, "deadletters", "retry", "5", "--wait", "--timeout=1ms")
	if code != exitFailed || !strings.Contains(stderr, "1 dead letters are not tried yet after 1ms") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	served := make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() { served <- serve(ctx, run, 6) }() // retries 0 to 5, all but 3 with success
	code, stdout, stderr = call(t, "deadletters", "retry", "0", "1", "2", "3", "4", "--wait", "--json")
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	var got lettersTask
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitFailed || stderr != "" {
		t.Fatalf("exit code %d, %s%s: %v", code, stdout, stderr, err)
	}
	if got.Verb != state.RetryLetter || got.Letters != 5 || got.Plans["orders/shop.orders"] != 5 || !got.Running || !got.Done || got.Left == nil || *got.Left != 1 {
		t.Errorf("%s", stdout)
	}
	if keys, asked := left(t); !strings.HasPrefix(keys, "3 -7 ") || len(asked) != 1 || asked[0].Verb != state.DropLetter {
		t.Errorf("%s, %v", keys, asked)
	}
}

// serve does n retries as a run would.
func serve(ctx context.Context, run *state.Store, n int) error {
	ticks := time.NewTicker(10 * time.Millisecond) // or it would shut out all others
	defer ticks.Stop()
	for last := int64(0); n > 0; <-ticks.C {
		list, err := run.Requests(ctx, last)
		if err != nil {
			return err
		}
		for _, q := range list {
			if last = q.ID; q.Verb != state.RetryLetter {
				continue
			}
			n--
			c := state.Change{DoneRequests: []int64{q.ID}, Resolved: []state.LetterRef{{Plan: q.Plan, Key: q.Key}}}
			if q.Key == "k3" {
				c.Resolved, c.Letters = nil, []state.Letter{{Plan: q.Plan, Key: q.Key, KeyText: "3", Document: "d3", At: time.Now()}}
			}
			if err := run.Save(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}
