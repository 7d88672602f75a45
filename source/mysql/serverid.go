package mysql

import (
	"context"
	"log/slog"
	"math/rand/v2"
)

// freeServerID returns the user's server id, or a random one that no registered replica has. Not
// every account may list the replicas; two of four billion rarely meet, and who meets is told.
func (s *Source) freeServerID(ctx context.Context) uint32 {
	if s.cfg.ServerID != 0 {
		return s.cfg.ServerID
	}
	return s.unusedServerID(ctx)
}

// unusedServerID returns a random id that no registered replica has.
func (s *Source) unusedServerID(ctx context.Context) uint32 {
	var used map[uint32]bool
	err := s.inTime(ctx, func(ctx context.Context) (err error) {
		used, err = s.replicaIDs(ctx)
		return err
	})
	if err != nil {
		s.log.DebugContext(ctx, "cannot list replicas to choose a server id", slog.Any("error", err))
	}
	used[s.server().serverID] = true
	for {
		// The upper half: people number their servers from below.
		if id := rand.Uint32() | 1<<31; !used[id] {
			return id
		}
	}
}

func (s *Source) replicaIDs(ctx context.Context) (map[uint32]bool, error) {
	ids := map[uint32]bool{}
	query := "SHOW SLAVE HOSTS"
	if info := s.server(); info.flavor == flavorMySQL && info.atLeast(8, 1) {
		query = "SHOW REPLICAS"
	}
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return ids, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return ids, err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	for rows.Next() {
		var id uint32
		values[0] = &id
		if err := rows.Scan(values...); err != nil {
			return ids, err
		}
		ids[id] = true
	}
	return ids, rows.Err()
}
