package source

import "sync/atomic"

// readBytes is about how much one read of rows should hold in memory.
const readBytes = 4 << 20

// RowSize learns how large a table's rows are, so that reads are bounded in bytes although a source is asked for a number
// of rows. Its zero value knows nothing. Its methods may be called concurrently.
type RowSize struct{ bytes atomic.Int64 }

// Bytes is about how large a row is; 0: nothing is known.
func (s *RowSize) Bytes() int64 { return s.bytes.Load() }

// Limit returns how many rows to ask for, at most most. While nothing is known it begins small.
func (s *RowSize) Limit(most int) int {
	size := s.bytes.Load()
	if size == 0 {
		return min(most, 100)
	}
	return int(max(min(int64(most), readBytes/size), 1))
}

// Learn takes rows into account: growth at once, shrinking slowly.
func (s *RowSize) Learn(rows []Row) {
	if len(rows) == 0 {
		return
	}
	var sum int64
	for _, row := range rows {
		sum += 64 + int64(len(row.Key))
		for _, v := range row.Values {
			switch v := v.(type) {
			case string:
				sum += int64(len(v))
			case []byte:
				sum += int64(len(v))
			}
			sum += 16
		}
	}
	mean := sum/int64(len(rows)) + 1
	if old := s.bytes.Load(); old > mean {
		mean = old - (old-mean)/8
	}
	s.bytes.Store(mean)
}
