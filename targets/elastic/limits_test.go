package elastic_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// TestWrite_RequestTooLarge: the server takes 100 kB at a time and says so with 413, if it does not
// just hang up.
func TestWrite_RequestTooLarge(t *testing.T) {
	server := servertest.StartElastic(t, "http.max_content_length=100kb").Open()
	p := newProxy(t, server.URL)
	for name, url := range map[string]string{"direct": server.URL, "through a proxy": p.start()} {
		t.Run(name, func(t *testing.T) {
			target := open(t, elastic.Config{URLs: []string{url}})
			dest := destination(server, strings.ReplaceAll(name, " ", "-"))
			if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
				t.Fatal(err)
			}
			var ops []targets.Op
			for i := range 300 {
				ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), 1, strings.Repeat("word ", 1000), nil)) // 5 kB
			}
			ops[123].Doc[0] = strings.Repeat("word ", 50_000)
			items := failed(t, target, ops...)
			if len(items) != 1 || items[0].Index != 123 || items[0].Class != targets.Rejected || !strings.Contains(items[0].Reason, "250") {
				t.Errorf("items: %+v, want just 123 rejected with its size", items)
			}
			if n := server.Count(t, dest.Name); n != 299 {
				t.Errorf("%d documents, want 299", n)
			}
			before := len(p.all("_bulk"))
			for i := range ops {
				ops[i].Version = 2
			}
			ops[123].Doc[0] = "small"
			if items := failed(t, target, ops...); items != nil {
				t.Errorf("again: %+v", items)
			}
			if n := len(p.all("_bulk")) - before; url == p.server.URL && n > 50 {
				t.Errorf("%d requests: the limit was not remembered", n)
			}
		})
	}
}

// TestWrite_ServerUnderPressure: 429 for a whole request is answered item by item.
func TestWrite_ServerUnderPressure(t *testing.T) {
	private := servertest.StartElastic(t, "indexing_pressure.memory.limit=1kb")
	server := private.Open()
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	ops := []targets.Op{upsert(dest, "1", 1, strings.Repeat("x", 2000), nil), upsert(dest, "2", 1, "y", nil)}
	items := failed(t, target, ops...)
	if len(items) != 2 || items[0].Class != targets.Retryable || !strings.Contains(items[0].Reason, "es_rejected_execution_exception") {
		t.Errorf("items: %+v, want both retryable", items)
	}

	private.Stop(t)
	var partial *targets.PartialError
	if err := target.Write(t.Context(), ops); err == nil || errors.As(err, &partial) {
		t.Errorf("write to a server that is down: %v, want that nothing is known", err)
	}
	private.Start(t, "indexing_pressure.memory.limit=10%")
	if items := failed(t, target, ops...); items != nil {
		t.Errorf("after the restart: %+v", items)
	}
}

// TestWrite_BlockedIsToldOnce: not for each document, and not at each try.
func TestWrite_BlockedIsToldOnce(t *testing.T) {
	server := servertest.OpenElastic(t)
	var log strings.Builder
	target := open(t, elastic.Config{URLs: []string{server.URL}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	settings := "/" + dest.Name + "-000001/_settings"
	wantStatus(t, server, http.MethodPut, settings, map[string]any{"index.blocks.write": true}, http.StatusOK)
	for range 3 {
		if items := failed(t, target, upsert(dest, "1", 1, "a", nil), upsert(dest, "2", 1, "b", nil)); len(items) != 2 {
			t.Errorf("items: %+v, want both", items)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, log.String())
	}
	wantStatus(t, server, http.MethodPut, settings, map[string]any{"index.blocks.write": nil}, http.StatusOK)
}
