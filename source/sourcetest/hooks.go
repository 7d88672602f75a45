package sourcetest

import (
	"context"
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// Hooks are called at the places they name, without any lock, so that they may block, change rows
// and make commits. An error is returned to whoever called the source. Nil: nothing happens.
type Hooks struct {
	HeadFunc    func(ctx context.Context) error
	NextFunc    func(ctx context.Context) error
	NowFunc     func(ctx context.Context) error
	ColumnsFunc func(ctx context.Context, table source.Table) error
	ReadFunc    func(ctx context.Context, selection source.Selection, keys []source.Key) error
	SplitFunc   func(ctx context.Context, selection source.Selection) error
	ScanFunc    func(ctx context.Context, selection source.Selection, r source.Range) error
	// AfterReadFunc and AfterScanFunc are called with what was read before the caller has it: a
	// commit that they make is newer than the rows. They may set a row's Err.
	AfterReadFunc func(ctx context.Context, selection source.Selection, rows []source.Row) error
	AfterScanFunc func(ctx context.Context, selection source.Selection, rows []source.Row) error
}

// SetHooks replaces all hooks.
func (m *Memory) SetHooks(hooks Hooks) { m.update(func() { m.hooks = hooks }) }

// before calls a hook without the lock.
func (m *Memory) before(ctx context.Context, call func(Hooks) error) error {
	m.mu.Lock()
	hooks := m.hooks
	m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return call(hooks)
}

func (h Hooks) head(ctx context.Context) error {
	if h.HeadFunc == nil {
		return nil
	}
	return h.HeadFunc(ctx)
}

func (h Hooks) next(ctx context.Context) error {
	if h.NextFunc == nil {
		return nil
	}
	return h.NextFunc(ctx)
}

func (h Hooks) now(ctx context.Context) error {
	if h.NowFunc == nil {
		return nil
	}
	return h.NowFunc(ctx)
}

func (h Hooks) columns(ctx context.Context, table source.Table) error {
	if h.ColumnsFunc == nil {
		return nil
	}
	return h.ColumnsFunc(ctx, table)
}

func (h Hooks) read(ctx context.Context, selection source.Selection, keys []source.Key) error {
	if h.ReadFunc == nil {
		return nil
	}
	return h.ReadFunc(ctx, selection, keys)
}

func (h Hooks) split(ctx context.Context, selection source.Selection) error {
	if h.SplitFunc == nil {
		return nil
	}
	return h.SplitFunc(ctx, selection)
}

func (h Hooks) scan(ctx context.Context, selection source.Selection, r source.Range) error {
	if h.ScanFunc == nil {
		return nil
	}
	return h.ScanFunc(ctx, selection, r)
}

func (h Hooks) afterRead(ctx context.Context, selection source.Selection, rows []source.Row) error {
	if h.AfterReadFunc == nil {
		return nil
	}
	return h.AfterReadFunc(ctx, selection, rows)
}

func (h Hooks) afterScan(ctx context.Context, selection source.Selection, rows []source.Row) error {
	if h.AfterScanFunc == nil {
		return nil
	}
	return h.AfterScanFunc(ctx, selection, rows)
}

// Read is one ReadRows that was answered.
type Read struct {
	Table source.Table
	Fence source.Fence
	Keys  []source.Key
}

// Scan is one ScanRows that was answered.
type Scan struct {
	Table source.Table
	Fence source.Fence
	Range source.Range // as it was asked for
	Rest  source.Range // as it was returned
	Keys  []source.Key // of the rows returned
}

// record keeps what was done with the source.
type record struct {
	reads  []Read
	scans  []Scan
	counts map[rowName]int
	acked  []source.Position
	opened []source.Position
}

type rowName struct {
	table source.Table
	key   source.Key
}

func newRecord() record { return record{counts: map[rowName]int{}} }

func (r *record) read(table source.Table, fence source.Fence, keys []source.Key) {
	r.reads = append(r.reads, Read{table, fence, slices.Clone(keys)})
	for _, key := range keys {
		r.counts[rowName{table, key}]++
	}
}

func (r *record) scan(table source.Table, fence source.Fence, from, rest source.Range, rows []source.Row) {
	scan := Scan{Table: table, Fence: fence, Range: from, Rest: rest}
	for _, row := range rows {
		scan.Keys = append(scan.Keys, row.Key)
	}
	r.scans = append(r.scans, scan)
}

// Reads returns the calls of ReadRows that were answered, in order.
func (m *Memory) Reads() []Read {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.record.reads)
}

// KeyReads counts how often ReadRows was asked for a key.
func (m *Memory) KeyReads(table source.Table, key source.Key) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.record.counts[rowName{table, key}]
}

// Scans returns the calls of ScanRows that were answered, in order.
func (m *Memory) Scans() []Scan {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.record.scans)
}

// Opened returns the positions from which streams were opened, in order.
func (m *Memory) Opened() []source.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.record.opened)
}

// Acked returns the positions that were acknowledged, in order.
func (m *Memory) Acked() []source.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.record.acked)
}

// ResetRecord forgets what was recorded.
func (m *Memory) ResetRecord() { m.update(func() { m.record = newRecord() }) }
