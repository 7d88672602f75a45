package replicate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

// numberedLog compares positions that are numbers.
type numberedLog struct {
	source.Log
	err error
}

func (l numberedLog) Reached(_ context.Context, have, want source.Position) (bool, error) {
	h, _ := strconv.Atoi(string(have))
	w, _ := strconv.Atoi(string(want))
	return h >= w, l.err
}

func position(n int) source.Position { return source.Position(strconv.Itoa(n)) }

func entriesOf(keys ...int) []*entry {
	entries := make([]*entry, len(keys))
	for i, n := range keys {
		entries[i] = &entry{key: docOf(n)}
	}
	return entries
}

func never(*entry) bool { return false }

func passed(t *testing.T, m *misses, at int) map[mappings.DocKey]bool {
	t.Helper()
	found, _, err := m.passed(t.Context(), position(at))
	if err != nil {
		t.Fatal(err)
	}
	set := map[mappings.DocKey]bool{}
	for _, key := range found {
		if set[key] {
			t.Errorf("%v is counted twice", key)
		}
		set[key] = true
	}
	return set
}

// TestMisses_Model notes absences, deletes and emptied tables at random and lets the log go on. A
// key is missed exactly if the log passes the head of its newest absence and nothing explains it.
func TestMisses_Model(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		m := newMisses(numberedLog{}, 1<<30)
		head, at, total := 0, 0, 0
		waits := map[mappings.DocKey]int{}
		for range 200 {
			key := docOf(rnd.IntN(8))
			switch rnd.IntN(5) {
			case 0, 1:
				head += rnd.IntN(2)
				deleted := rnd.IntN(3) == 0
				m.add(position(head), []*entry{{key: key}}, func(*entry) bool { return deleted })
				if waits[key] = head; deleted {
					delete(waits, key)
				}
			case 2:
				m.resolved(key)
				delete(waits, key)
			case 3:
				m.forget(key.Plan)
				for k := range waits {
					if k.Plan == key.Plan {
						delete(waits, k)
					}
				}
			case 4:
				at = min(at+rnd.IntN(3), head)
				found := passed(t, m, at)
				for k, want := range waits {
					if want > at {
						continue
					}
					if !found[k] {
						t.Fatalf("seed %d: %v was absent at %d, the log is at %d: no miss", seed, k, want, at)
					}
					delete(found, k)
					delete(waits, k)
					total++
				}
				if len(found) > 0 {
					t.Fatalf("seed %d: missed without reason: %v", seed, found)
				}
			}
			if m.total() != total {
				t.Fatalf("seed %d: total %d, want %d", seed, m.total(), total)
			}
		}
	}
}

func TestMisses_Limit(t *testing.T) {
	m := newMisses(numberedLog{}, 3)
	m.add(position(1), entriesOf(0, 2), never)
	m.add(position(1), entriesOf(1, 3), never)
	if found := passed(t, m, 1); len(found) != 4 {
		t.Errorf("found %v: the limit is per plan", found)
	}
	m.add(position(2), entriesOf(4), never)
	found, tooMany, err := m.passed(t.Context(), position(2))
	if err != nil || len(found) != 1 || tooMany != "p0" {
		t.Errorf("found %v, too many of %q, %v", found, tooMany, err)
	}
	broken := errors.New("no such position")
	m = newMisses(numberedLog{err: broken}, 3)
	m.add(position(1), entriesOf(0), never)
	if _, _, err := m.passed(t.Context(), position(1)); !errors.Is(err, broken) {
		t.Errorf("comparing fails: %v", err)
	}
}

// TestMisses_ConcurrentDeletes: readers note absences while the intake takes in the delete of each
// key and passes its position. None may be counted.
func TestMisses_ConcurrentDeletes(t *testing.T) {
	for range 200 {
		l, m := newLanes(100, ""), newMisses(numberedLog{}, 1)
		tok := newToken()
		if err := l.add(t.Context(), docOf(0), tok, false); err != nil {
			t.Fatal(err)
		}
		entries, _, err := l.take(t.Context(), limitOf(1))
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { // the reader: the row is absent, the head is after its delete
			m.add(position(2), entries, l.explained)
			l.finish(entries, nil)
		})
		both.Go(func() { // the intake
			if err := l.add(t.Context(), docOf(0), tok, true); err != nil {
				t.Error(err)
			}
			m.resolved(docOf(0))
			if found, _, err := m.passed(t.Context(), position(2)); err != nil || len(found) > 0 {
				t.Error(fmt.Errorf("counted %v although its delete was taken in: %w", found, err))
			}
		})
		both.Wait()
		if found, _, err := m.passed(t.Context(), position(3)); err != nil || len(found) > 0 {
			t.Fatalf("counted %v, %v", found, err)
		}
	}
}

// TestMisses_ConcurrentTruncate: a document waits, or is read, while its table is emptied. No delete
// of it will come, and none is missed; a later event of it counts again.
func TestMisses_ConcurrentTruncate(t *testing.T) {
	for range 200 {
		l, m := newLanes(100, ""), newMisses(numberedLog{}, 1)
		tok := newToken()
		if err := l.add(t.Context(), docOf(0), tok, false); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() {
			entries, _, err := l.take(t.Context(), limitOf(1))
			if err != nil {
				t.Error(err)
				return
			}
			m.add(position(2), entries, l.explained)
			l.finish(entries, nil)
		})
		both.Go(func() {
			l.emptied("p0")
			m.forget("p0")
			if found, _, err := m.passed(t.Context(), position(2)); err != nil || len(found) > 0 {
				t.Error(fmt.Errorf("counted %v of an emptied table: %w", found, err))
			}
		})
		both.Wait()
		if found, _, err := m.passed(t.Context(), position(3)); err != nil || len(found) > 0 {
			t.Fatalf("counted %v, %v", found, err)
		}
		if err := l.add(t.Context(), docOf(0), tok, false); err != nil {
			t.Fatal(err)
		}
		entries, _, err := l.take(t.Context(), limitOf(1))
		if err != nil {
			t.Fatal(err)
		}
		m.add(position(4), entries, l.explained)
		if found, _, _ := m.passed(t.Context(), position(4)); len(found) != 1 {
			t.Fatalf("an event after it: missed %v", found)
		}
	}
}
