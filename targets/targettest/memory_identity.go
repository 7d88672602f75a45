package targettest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	_ targets.Identifier = (*Memory)(nil)
	_ targets.Marker     = (*Memory)(nil)
	_ targets.Lister     = (*Memory)(nil)
)

// List names the destinations that begin with a prefix.
func (m *Memory) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.dests {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Identify names a destination by a number that no other one has had.
func (m *Memory) Identify(_ context.Context, dest string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dests[dest]
	if d == nil {
		return "", nil
	}
	return fmt.Sprintf("memory-%d", d.number), nil
}

// ReadMark returns what WriteMark has left.
func (m *Memory) ReadMark(_ context.Context, state string) (targets.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[state], nil
}

// WriteMark keeps the mark, unless there is a later one.
func (m *Memory) WriteMark(_ context.Context, state string, mark targets.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if later := m.marks[state].Number; later > mark.Number {
		return fmt.Errorf("write mark %d: there is mark %d", mark.Number, later)
	}
	m.marks[state] = mark
	return nil
}

// Ceiling returns the highest ceiling of all marks.
func (m *Memory) Ceiling(context.Context) (ceiling int64, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range m.marks {
		ceiling = max(ceiling, mark.Ceiling)
	}
	return ceiling, nil
}

// Rewind puts a mark back to an earlier one, as a restored backup would.
func (m *Memory) Rewind(state string, mark targets.Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks[state] = mark
}
