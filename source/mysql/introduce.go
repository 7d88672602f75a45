package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

var _ source.Introducer = (*Source)(nil)

// Introduce says which server it is, and how positions are kept.
func (s *Source) Introduce(ctx context.Context) (string, error) {
	info, err := s.probe(ctx, s.db)
	if err != nil {
		return "", fmt.Errorf("look at source: %w", s.hinted(err))
	}
	number, _, _ := strings.Cut(info.version, "-") // "10.11.14-MariaDB-log"
	words := info.flavor.String() + " " + number
	switch {
	case info.flavor == flavorMariaDB: // it always has them
	case info.gtid:
		words += ", GTID on"
	default:
		words += ", GTID off"
	}
	return words + ", " + s.cfg.TLS.Words(info.encrypted), nil
}
