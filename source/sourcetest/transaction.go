package sourcetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// Tx is a transaction: its steps are kept until Commit, which makes one entry of the log of them.
// It is for one goroutine. An int among values counts as an int64.
type Tx struct {
	memory *Memory
	steps  []func(*writing) error
}

// commit is one entry of the log.
type commit struct {
	changes []change
	time    time.Time
}

// change is an event with what a subscription of columns may ask for.
type change struct {
	event    source.Event
	columns  *source.Columns
	old, new []source.Value
}

// Begin starts a transaction. Nothing happens before its Commit.
func (m *Memory) Begin() *Tx { return &Tx{memory: m} }

// Do makes one transaction of what script does, and commits it.
func (m *Memory) Do(script func(*Tx)) error {
	tx := m.Begin()
	script(tx)
	return tx.Commit()
}

// Insert adds a row, one value per column. A row with its key is an error.
func (tx *Tx) Insert(table source.Table, values ...source.Value) *Tx {
	return tx.step(func(w *writing) error { return w.insert(table, values) })
}

// Put adds a row or replaces the one with its key.
func (tx *Tx) Put(table source.Table, values ...source.Value) *Tx {
	return tx.step(func(w *writing) error { return w.put(table, values) })
}

// Update replaces the row with the same key. Without such a row nothing happens, as in SQL.
func (tx *Tx) Update(table source.Table, values ...source.Value) *Tx {
	return tx.step(func(w *writing) error { return w.replace(table, values) })
}

// Delete removes a row. Without such a row nothing happens.
func (tx *Tx) Delete(table source.Table, key source.Key) *Tx {
	return tx.step(func(w *writing) error { return w.remove(table, key) })
}

// ChangeKey gives a row another key: in the log, a delete and an insert. Without such a row
// nothing happens; a row with the new key is an error.
func (tx *Tx) ChangeKey(table source.Table, from, to source.Key) *Tx {
	return tx.step(func(w *writing) error { return w.move(table, from, to) })
}

// Truncate removes all rows; the log says so in one event.
func (tx *Tx) Truncate(table source.Table) *Tx {
	return tx.step(func(w *writing) error { return w.truncate(table) })
}

// Create adds a table.
func (tx *Tx) Create(columns source.Columns) *Tx {
	return tx.step(func(w *writing) error { return w.create(columns) })
}

// Alter changes a table's columns. Values stay with the column of the same name, the others are
// NULL; the key has to stay as it is.
func (tx *Tx) Alter(columns source.Columns) *Tx {
	return tx.step(func(w *writing) error { return w.alter(columns) })
}

// Gap has the log say that rows of a table have changed without saying which.
func (tx *Tx) Gap(table source.Table) *Tx {
	return tx.step(func(w *writing) error { return w.gap(table) })
}

// Drop removes a table.
func (tx *Tx) Drop(table source.Table) *Tx {
	return tx.step(func(w *writing) error { return w.drop(table) })
}

// Rename gives a table another name; a table of that name is gone then.
func (tx *Tx) Rename(table, to source.Table) *Tx {
	return tx.step(func(w *writing) error { return w.rename(table, to) })
}

func (tx *Tx) step(step func(*writing) error) *Tx {
	tx.steps = append(tx.steps, step)
	return tx
}

// Commit applies the transaction and appends it to the log. After an error, which is a mistake in
// the script, nothing has happened.
func (tx *Tx) Commit() error {
	m := tx.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	changes, err := tx.apply()
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	m.append(changes)
	return nil
}

// apply makes the steps' changes as of the next entry of the log, under the lock, or none of them.
func (tx *Tx) apply() ([]change, error) {
	w := &writing{memory: tx.memory, at: len(tx.memory.log) + 1}
	for _, step := range tx.steps {
		if err := step(w); err != nil {
			for _, t := range tx.memory.tables {
				t.undo(w.at)
			}
			return nil, err
		}
	}
	return w.changes, nil
}

// append makes an entry of the log, under the lock.
func (m *Memory) append(changes []change) {
	m.log = append(m.log, commit{changes, m.nowFunc()})
	if m.mode == atOnce {
		m.visible = len(m.log)
	}
	m.wake()
}

// Rows returns what the table holds after the newest commit, visible or not: the truth at the end
// of a test. Nil if there is no such table.
func (m *Memory) Rows(name source.Table) map[source.Key][]source.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[name]
	if t == nil || t.as(len(m.log)) == nil {
		return nil
	}
	rows := map[source.Key][]source.Value{}
	for _, r := range t.live(len(m.log)) {
		rows[r.key] = slices.Clone(r.as(len(m.log)))
	}
	return rows
}

// writing is a commit that is being made, under the lock.
type writing struct {
	memory  *Memory
	at      int
	changes []change
}

var errDuplicate = errors.New("there is a row with this key")

func (w *writing) insert(name source.Table, values []source.Value) error {
	values = widen(values)
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	key, err := keyOf(columns, values)
	if err != nil {
		return err
	}
	if r := t.rows[key]; r != nil && r.as(w.at) != nil {
		return fmt.Errorf("insert into %s: %s: %w", name, key.Text(), errDuplicate)
	}
	w.log(source.Insert, columns, key, nil, values)
	return t.set(w.at, w.memory.visible, key, values)
}

func (w *writing) put(name source.Table, values []source.Value) error {
	if err := w.insert(name, values); !errors.Is(err, errDuplicate) {
		return err
	}
	return w.replace(name, values)
}

func (w *writing) replace(name source.Table, values []source.Value) error {
	values = widen(values)
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	key, err := keyOf(columns, values)
	if err != nil {
		return err
	}
	r := t.rows[key]
	if r == nil || r.as(w.at) == nil {
		return nil
	}
	w.log(source.Update, columns, key, r.as(w.at), values)
	return t.set(w.at, w.memory.visible, key, values)
}

func (w *writing) remove(name source.Table, key source.Key) error {
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	r := t.rows[key]
	if r == nil || r.as(w.at) == nil {
		return nil
	}
	w.log(source.Delete, columns, key, r.as(w.at), nil)
	return t.set(w.at, w.memory.visible, key, nil)
}

func (w *writing) move(name source.Table, from, to source.Key) error {
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	r := t.rows[from]
	if r == nil || r.as(w.at) == nil {
		return nil
	}
	parts, err := to.Values()
	if err != nil || len(parts) != len(columns.Key) {
		return fmt.Errorf("change key of %s: %s is not a key of it", name, to.Text())
	}
	values := slices.Clone(r.as(w.at))
	for i, at := range columns.Key {
		values[at] = parts[i]
	}
	if err := w.remove(name, from); err != nil {
		return err
	}
	return w.insert(name, values)
}

// table returns a table as this commit sees it.
func (w *writing) table(name source.Table) (*table, *source.Columns, error) {
	t := w.memory.tables[name]
	if t == nil || t.as(w.at) == nil {
		return nil, nil, fmt.Errorf("table %s: %w", name, source.ErrNoTable)
	}
	return t, t.as(w.at), nil
}

func (w *writing) log(action source.Action, columns *source.Columns, key source.Key, old, new []source.Value) {
	w.changes = append(w.changes, change{
		event:   source.Event{Action: action, Table: columns.Table, Key: key},
		columns: columns, old: old, new: new,
	})
}

// widen copies a row and makes its ints the int64 that the kinds ask for.
func widen(values []source.Value) []source.Value {
	values = slices.Clone(values)
	for i, v := range values {
		if n, ok := v.(int); ok {
			values[i] = int64(n)
		}
	}
	return values
}
