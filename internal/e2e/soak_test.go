//go:build soak

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestSoak_BackfillUnderWriters copies a large table under writers, again and again, on each flavor
// in turn: make soak. SOAK_ROWS and SOAK_RUNS change the size.
func TestSoak_BackfillUnderWriters(t *testing.T) {
	longest = 20 * time.Minute
	rows, runs := number(t, "SOAK_ROWS", 500_000), number(t, "SOAK_RUNS", 10)
	for run := range runs {
		flavor := servertest.Flavors()[run%len(servertest.Flavors())]
		t.Run(fmt.Sprintf("%d/%s", run, flavor), func(t *testing.T) {
			begin := time.Now()
			backfillUnderWriters(t, flavor, rows)
			t.Logf("took %s", time.Since(begin).Round(time.Second))
		})
	}
}

// TestSoak_TargetOutage lets Elasticsearch be away for a minute.
func TestSoak_TargetOutage(t *testing.T) {
	longest = 10 * time.Minute
	targetOutage(t, time.Minute)
}

// TestSoak_Storm lets Elasticsearch refuse most requests for a minute.
func TestSoak_Storm(t *testing.T) {
	longest = 10 * time.Minute
	stormOf429(t, servertest.MariaDB, time.Minute)
}

// TestSoak_IdleSlot has another database write for long while ours is idle: SOAK_MEGABYTES of WAL.
func TestSoak_IdleSlot(t *testing.T) {
	longest = 10 * time.Minute
	idleSlot(t, number(t, "SOAK_MEGABYTES", 1024))
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
