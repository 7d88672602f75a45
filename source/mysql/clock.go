package mysql

import (
	"context"
	"fmt"
	"time"
)

// Now returns the server's time, to the microsecond.
func (s *Source) Now(ctx context.Context) (time.Time, error) {
	var text string
	if err := s.db.QueryRowContext(ctx, "SELECT UTC_TIMESTAMP(6)").Scan(&text); err != nil {
		return time.Time{}, fmt.Errorf("ask source for the time: %w", s.hinted(err))
	}
	now, err := time.Parse("2006-01-02 15:04:05.000000", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask source for the time: %w", err)
	}
	return now, nil
}
