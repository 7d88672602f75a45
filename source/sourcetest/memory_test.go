package sourcetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

var shop = Table("shop.orders", 1, Int("id"), Text("note"))

func everything(t *testing.T) []source.Subscription {
	t.Helper()
	pattern, err := source.ParsePattern("*.*", "")
	if err != nil {
		t.Fatal(err)
	}
	return []source.Subscription{{Tables: pattern}}
}

func commitAll(t *testing.T, m *Memory, scripts ...func(*Tx)) {
	t.Helper()
	for _, script := range scripts {
		if err := m.Do(script); err != nil {
			t.Fatal(err)
		}
	}
}

func note(t *testing.T, m *Memory, fence source.Fence, id int) source.Value {
	t.Helper()
	rows, err := m.ReadRows(t.Context(), fence, Select(shop), []source.Key{Key(id)})
	if err != nil {
		t.Fatal(err)
	}
	if !rows[0].Found {
		return nil
	}
	return rows[0].Values[1]
}

func TestMemory_LagShowsOldRowsWithoutFence(t *testing.T) {
	m := NewMemory(shop)
	m.Lag()
	commitAll(t, m,
		func(tx *Tx) { tx.Insert(shop.Table, 1, "old") },
		func(tx *Tx) { tx.Update(shop.Table, 1, "new") })
	for _, step := range []struct {
		fence source.Fence
		want  source.Value
	}{{"", nil}, {"mem:1", "old"}, {"", "old"}, {"mem:2", "new"}, {"mem:1", "new"}, {"", "new"}} {
		if got := note(t, m, step.fence, 1); got != step.want {
			t.Errorf("read behind %q: %v, want %v", step.fence, got, step.want)
		}
	}
}

func TestMemory_HoldMakesFencedReadsWait(t *testing.T) {
	m := NewMemory(shop)
	m.Hold()
	commitAll(t, m, func(tx *Tx) { tx.Insert(shop.Table, 1, "a") }, func(tx *Tx) { tx.Update(shop.Table, 1, "b") })
	if head, fence, err := m.Head(t.Context()); head != "mem:0" || fence != "mem:0" || err != nil {
		t.Errorf("head %q %q %v before anything is visible", head, fence, err)
	}
	read := make(chan source.Value)
	go func() {
		rows, err := m.ReadRows(t.Context(), "mem:1", Select(shop), []source.Key{Key(1)})
		if err != nil {
			read <- err
			return
		}
		read <- rows[0].Values[1]
	}()
	if err := m.AwaitWaiting(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	m.Reveal(1)
	if got := <-read; got != "a" {
		t.Errorf("after the first commit is visible: %v", got)
	}
	m.Release()
	if got := note(t, m, "", 1); got != "b" {
		t.Errorf("after release: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.ReadRows(ctx, "mem:2", Select(shop), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("read with an ended context: %v", err)
	}
}

func TestMemory_DisconnectRepeatsSincePosition(t *testing.T) {
	m := NewMemory(shop)
	m.SetBatchSize(2)
	commitAll(t, m,
		func(tx *Tx) { tx.Insert(shop.Table, 1, "a") },
		func(tx *Tx) { tx.Insert(shop.Table, 2, "a").Insert(shop.Table, 3, "a").Delete(shop.Table, Key(1)) })
	stream, err := m.Open(t.Context(), "mem:0", everything(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range 4 {
		batch, err := stream.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch.Events {
			got = append(got, e.Action.String()+" "+e.Key.Text())
		}
		got = append(got, string(batch.Position))
		if i == 1 {
			m.Disconnect()
		}
	}
	want := []string{"write 1", "mem:1", "write 2", "write 3", "", "write 2", "write 3", "", "delete 1", "mem:2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMemory_KeepaliveAndLoss(t *testing.T) {
	m := NewMemory(shop)
	stream, err := m.Open(t.Context(), "mem:0", everything(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Open(t.Context(), "mem:0", nil); err == nil {
		t.Error("a second stream was opened")
	}
	m.Keepalive()
	if batch, err := stream.Next(t.Context()); err != nil || len(batch.Events) > 0 || batch.Position != "mem:0" {
		t.Errorf("keepalive: %+v, %v", batch, err)
	}
	if err := m.Lose("mem:0"); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Next(t.Context()); !errors.Is(err, source.ErrPositionLost) {
		t.Errorf("stream behind the log's begin: %v", err)
	}
	if err := stream.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Open(t.Context(), "mem:0", nil); !errors.Is(err, source.ErrPositionLost) {
		t.Errorf("open behind the log's begin: %v", err)
	}
}

func TestMemory_HooksAndRecord(t *testing.T) {
	m := NewMemory(shop)
	commitAll(t, m, func(tx *Tx) { tx.Insert(shop.Table, 1, "a").Insert(shop.Table, 2, "b") })
	broken := errors.New("broken")
	m.SetHooks(Hooks{
		HeadFunc:    func(context.Context) error { return broken },
		ColumnsFunc: func(context.Context, source.Table) error { return broken },
		AfterScanFunc: func(_ context.Context, _ source.Selection, rows []source.Row) error {
			rows[0].Err = broken
			return nil
		},
	})
	if _, _, err := m.Head(t.Context()); !errors.Is(err, broken) {
		t.Errorf("head: %v", err)
	}
	if _, err := m.Columns(t.Context(), "", shop.Table); !errors.Is(err, broken) {
		t.Errorf("columns: %v", err)
	}
	rows, rest, err := m.ScanRows(t.Context(), "", Select(shop), rangeOf("", ""), 1)
	if err != nil || !errors.Is(rows[0].Err, broken) {
		t.Errorf("scan: %v, %v", rows, err)
	}
	want := []Scan{{Table: shop.Table, Range: rangeOf("", ""), Rest: rest, Keys: []source.Key{Key(1)}}}
	if diff := cmp.Diff(want, m.Scans()); diff != "" {
		t.Error(diff)
	}
	note(t, m, "mem:1", 2)
	note(t, m, "mem:1", 2)
	if n := m.KeyReads(shop.Table, Key(2)); n != 2 {
		t.Errorf("key read %d times", n)
	}
}

func TestTx_FailureLeavesNothing(t *testing.T) {
	m := NewMemory(shop)
	commitAll(t, m, func(tx *Tx) { tx.Insert(shop.Table, 1, "a") })
	err := m.Do(func(tx *Tx) { tx.Delete(shop.Table, Key(1)).Insert(shop.Table, 2, "b").Insert(shop.Table, 2, "c") })
	if err == nil {
		t.Error("a duplicate was inserted")
	}
	want := map[source.Key][]source.Value{Key(1): {int64(1), "a"}}
	if diff := cmp.Diff(want, m.Rows(shop.Table)); diff != "" {
		t.Error(diff)
	}
	if m.Last() != "mem:1" {
		t.Errorf("log ends at %s", m.Last())
	}
}

func TestTx_Definitions(t *testing.T) {
	m := NewMemory(shop)
	wide := Table("shop.orders", 1, Int("id"), Int("total"), Text("note"))
	other := Table("shop.archive", 1, Int("id"), Int("total"), Text("note"))
	commitAll(t, m,
		func(tx *Tx) { tx.Insert(shop.Table, 1, "a") },
		func(tx *Tx) { tx.Alter(wide) },
		func(tx *Tx) { tx.Rename(shop.Table, other.Table).Create(shop) },
		func(tx *Tx) { tx.Insert(shop.Table, 7, "x").Truncate(shop.Table).Drop(shop.Table) })
	want := map[source.Key][]source.Value{Key(1): {int64(1), nil, "a"}}
	if diff := cmp.Diff(want, m.Rows(other.Table)); diff != "" {
		t.Error(diff)
	}
	if rows := m.Rows(shop.Table); rows != nil {
		t.Errorf("dropped table has %v", rows)
	}
	if now, err := m.Now(t.Context()); err != nil || time.Since(now) > time.Minute {
		t.Errorf("now: %v, %v", now, err)
	}
}
