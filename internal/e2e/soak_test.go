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

// TestSoak_Verify: in a large table whose rows two writers change at full speed, verify finds what somebody has done to the
// documents, each time all of it and nothing else, and mends it.
func TestSoak_Verify(t *testing.T) {
	longest = 60 * time.Minute
	rows, runs := number(t, "SOAK_ROWS", 1_000_000), number(t, "SOAK_RUNS", 10)
	const wrong = 100
	p := newPlant(t, "mysql+elastic", 5000)
	for from := 5001; from < rows; from += 5000 {
		p.source.exec(t, goodsRows(from, from+4999))
	}
	r := p.start("", false)
	p.awaitCopied(r)
	w := p.source.(sqlEnd).scribble(2, rows/4) // changes ids up to half of them
	for run := range runs {
		begin := time.Now()
		p.vandalize(numbers(rows-1000, wrong), numbers(rows-2000, wrong), numbers(10*rows, wrong))
		of := p.verify([]int{5}).Mappings[0]
		if of.Missing != wrong || of.Different != wrong || of.Orphans != wrong || of.Fields["note"] != wrong || len(of.Fields) != 1 {
			t.Errorf("run %d: found %+v", run, of)
		}
		p.verify([]int{0}, "--repair", "--yes")
		if v := p.verify([]int{0}); !v.Equal {
			t.Errorf("run %d: after the repair: %+v", run, v)
		}
		t.Logf("run %d: three verifies took %s; never at rest: %d", run, time.Since(begin).Round(time.Second), of.Unsettled)
	}
	t.Logf("%d changes by the writers", w.end())
	p.awaitCaughtUp(r)
	r.stop(t)
	p.equal(nil)
}
