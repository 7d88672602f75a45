package sourcetest

import (
	"fmt"

	"github.com/meepo-replicate/meepo/source"
)

// These change tables as a whole, under the lock.

func (w *writing) truncate(name source.Table) error {
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	w.log(source.Truncate, columns, "", nil, nil)
	return w.clear(t)
}

func (w *writing) create(columns source.Columns) error {
	t := w.memory.tables[columns.Table]
	if t == nil {
		t = newTable()
		w.memory.tables[columns.Table] = t
	}
	if t.as(w.at) != nil {
		return fmt.Errorf("create %s: there is such a table", columns.Table)
	}
	t.define(w.at, &columns)
	w.log(source.Create, &columns, "", nil, nil)
	return nil
}

func (w *writing) alter(columns source.Columns) error {
	t, before, err := w.table(columns.Table)
	if err != nil {
		return err
	}
	for _, r := range t.live(w.at) {
		values := project(before, columns.Columns, r.as(w.at))
		if key, err := keyOf(&columns, values); err != nil || key != r.key {
			return fmt.Errorf("alter %s: it changes the key of row %s", columns.Table, r.key.Text())
		}
		if err := t.set(w.at, w.memory.visible, r.key, values); err != nil {
			return err
		}
	}
	t.define(w.at, &columns)
	w.log(source.Alter, &columns, "", nil, nil)
	return nil
}

func (w *writing) gap(name source.Table) error {
	_, columns, err := w.table(name)
	if err != nil {
		return err
	}
	w.log(source.Gap, columns, "", nil, nil)
	return nil
}

func (w *writing) drop(name source.Table) error {
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	w.log(source.Drop, columns, "", nil, nil)
	t.define(w.at, nil)
	return w.clear(t)
}

func (w *writing) rename(name, to source.Table) error {
	t, columns, err := w.table(name)
	if err != nil {
		return err
	}
	other := w.memory.tables[to]
	if other == nil {
		other = newTable()
		w.memory.tables[to] = other
	}
	if err := w.clear(other); err != nil {
		return err
	}
	for _, r := range t.live(w.at) {
		if err := other.set(w.at, w.memory.visible, r.key, r.as(w.at)); err != nil {
			return err
		}
	}
	renamed := *columns
	renamed.Table = to
	other.define(w.at, &renamed)
	w.log(source.Rename, columns, "", nil, nil)
	w.changes[len(w.changes)-1].event.To = to
	t.define(w.at, nil)
	return w.clear(t)
}

func (w *writing) clear(t *table) error {
	for _, r := range t.live(w.at) {
		if err := t.set(w.at, w.memory.visible, r.key, nil); err != nil {
			return err
		}
	}
	return nil
}

// project takes the wanted columns out of a row; what the row does not have is NULL.
func project(columns *source.Columns, wanted []source.Column, values []source.Value) []source.Value {
	projected := make([]source.Value, len(wanted))
	for i, want := range wanted {
		for j, have := range columns.Columns {
			if have.Name == want.Name {
				projected[i] = values[j]
			}
		}
	}
	return projected
}
