package postgres

import (
	"context"
	"fmt"
	"time"
)

// Now returns the server's time, to the microsecond.
func (s *Source) Now(ctx context.Context) (time.Time, error) {
	var micros int64
	err := s.pool.QueryRow(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8").Scan(&micros)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask source for the time: %w", s.hinted(err))
	}
	return time.UnixMicro(micros).UTC(), nil
}
