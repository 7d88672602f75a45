package source

import (
	"strings"
	"testing"
)

func rowsOf(n, size int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Found: true, Values: []Value{strings.Repeat("x", size)}}
	}
	return rows
}

func TestRowSize_BoundsReadsInBytes(t *testing.T) {
	var s RowSize
	if got := s.Limit(1000); got != 100 {
		t.Errorf("nothing is known: %d rows, want a small beginning", got)
	}
	if got := s.Limit(7); got != 7 {
		t.Errorf("nothing is known, at most 7: %d", got)
	}
	s.Learn(nil)
	s.Learn(rowsOf(100, 10))
	if got := s.Limit(1000); got != 1000 {
		t.Errorf("small rows: %d", got)
	}
	s.Learn(rowsOf(10, 1<<20))
	if got := s.Limit(1000); got < 3 || got > 4 {
		t.Errorf("rows of 1 MiB: %d at once, want %d bytes", got, readBytes)
	}
	s.Learn(rowsOf(1, 64<<20))
	if got := s.Limit(1000); got != 1 {
		t.Errorf("rows of 64 MiB: %d", got)
	}
	s.Learn(rowsOf(1, 10))
	if got := s.Limit(1000); got != 1 {
		t.Errorf("one small row after large ones: %d, want it to shrink slowly", got)
	}
	for range 200 {
		s.Learn(rowsOf(10, 10))
	}
	if got := s.Limit(1000); got != 1000 {
		t.Errorf("small rows for long: %d", got)
	}
}
