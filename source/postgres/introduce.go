package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

var _ source.Introducer = (*Source)(nil)

// Introduce says which server it is, and whether its log can be read.
func (s *Source) Introduce(ctx context.Context) (string, error) {
	var version, level string
	var encrypted bool
	err := s.pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('wal_level'),
		coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)`).Scan(&version, &level, &encrypted)
	if err != nil {
		return "", fmt.Errorf("look at source: %w", s.hinted(err))
	}
	number, _, _ := strings.Cut(version, " ") // "15.14 (Debian 15.14-0+deb12u1)"
	return "PostgreSQL " + number + ", wal_level " + level + ", " + s.cfg.TLS.Words(encrypted), nil
}
