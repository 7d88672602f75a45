package sourcetest

import (
	"context"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/source"
)

// TestConformance runs the suite with commits that readers see at once, and with commits that they
// see only behind the fence, in small batches and in merged ones.
func TestConformance(t *testing.T) {
	for name, setup := range map[string]func(*Memory){
		"AtOnce": func(*Memory) {},
		"Lag":    func(m *Memory) { m.Lag(); m.SetBatchSize(7) },
		"Merge":  func(m *Memory) { m.Lag(); m.SetMerge(true); m.SetBatchSize(5) },
	} {
		t.Run(name, func(t *testing.T) {
			options := Options{Open: func(*testing.T) Subject {
				m := NewMemory()
				setup(m)
				return Subject{Source: m, Schema: "suite",
					Apply:   func(t testing.TB, changes []Change) { must(t, script(m, changes).Commit()) },
					Prepare: func(t testing.TB, name string, changes []Change) { must(t, script(m, changes).Prepare(name)) },
					End: func(t testing.TB, name string, commit bool) {
						end := m.RollbackPrepared
						if commit {
							end = m.CommitPrepared
						}
						must(t, end(name))
					},
				}
			}}
			Run(t, options)
			t.Run("Prepared", func(t *testing.T) { RunPrepared(t, options) })
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// script makes a transaction of changes that is not committed yet.
func script(m *Memory, changes []Change) *Tx {
	tx := m.Begin()
	for _, c := range changes {
		row := append(append([]source.Value(nil), c.Key...), c.Data, c.N)
		switch {
		case c.Action == source.Insert:
			tx.Insert(c.Table, row...)
		case c.Action == source.Update && c.NewKey != nil:
			tx.ChangeKey(c.Table, Key(c.Key...), Key(c.NewKey...))
		case c.Action == source.Update:
			tx.Update(c.Table, row...)
		case c.Action == source.Delete:
			tx.Delete(c.Table, Key(c.Key...))
		case c.Action == source.Truncate:
			tx.Truncate(c.Table)
		case c.Action == source.Create:
			tx.Create(c.Shape.Columns(c.Table))
		case c.Action == source.Alter:
			columns := c.Shape.Columns(c.Table)
			columns.Columns = columns.Columns[:len(columns.Columns)-1]
			tx.Alter(columns)
		case c.Action == source.Drop:
			tx.Drop(c.Table)
		case c.Action == source.Rename:
			tx.Rename(c.Table, c.To)
		}
	}
	return tx
}

// unfenced is a source that forgets to wait.
type unfenced struct{ *Memory }

func (u unfenced) ReadRows(ctx context.Context, _ source.Fence, selection source.Selection, keys []source.Key) ([]source.Row, error) {
	return u.Memory.ReadRows(ctx, "", selection, keys)
}

// TestSuite_FencesCaseSeesStaleReads: the case would be worth nothing if it passed without fences.
func TestSuite_FencesCaseSeesStaleReads(t *testing.T) {
	m := NewMemory()
	s := &suite{Subject: Subject{Source: unfenced{m}, Schema: "suite", Apply: func(t testing.TB, changes []Change) { must(t, script(m, changes).Commit()) }}}
	s.marker = source.Table{Schema: s.Schema, Name: "marker"}
	s.change(t, Change{Action: source.Create, Table: s.marker})
	item := s.create(t, "item", Numbered)
	s.insert(t, item, Numbered, numbers(0, 0)...)
	from, fence := s.settle(t)
	m.Lag()
	s.change(t, Change{Action: source.Update, Table: item, Key: []source.Value{int64(0)}, N: 1000})
	if err := s.readBehind(t.Context(), from, s.selection(t, fence, item), 1, 1); err == nil || !strings.Contains(err.Error(), "want 1000") {
		t.Errorf("a stale read passes: %v", err)
	}
}
