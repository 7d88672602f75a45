package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Marker = (*Target)(nil)

// ReadMark reads the row of the state.
func (t *Target) ReadMark(ctx context.Context, state string) (mark targets.Mark, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	err = t.pool.QueryRow(ctx, "SELECT number, position, ceiling FROM "+ownSchema+".marks WHERE state = $1", state).
		Scan(&mark.Number, &mark.Position, &mark.Ceiling)
	if errors.Is(err, pgx.ErrNoRows) || hasCode(err, "42P01", "3F000") {
		return targets.Mark{}, nil
	}
	if err != nil {
		return targets.Mark{}, fmt.Errorf("read mark: %w", refused(err))
	}
	return mark, nil
}

// WriteMark replaces the row of the state unless it has a higher number.
func (t *Target) WriteMark(ctx context.Context, state string, mark targets.Mark) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	write := func() error {
		_, err := t.pool.Exec(ctx, "INSERT INTO "+ownSchema+".marks AS m VALUES ($1, $2, $3, $4, now()) ON CONFLICT (state) DO UPDATE SET"+
			" number = EXCLUDED.number, position = EXCLUDED.position, ceiling = EXCLUDED.ceiling, at = EXCLUDED.at WHERE m.number <= EXCLUDED.number",
			state, mark.Number, mark.Position, mark.Ceiling)
		return err
	}
	err := write()
	if hasCode(err, "42P01", "3F000") {
		if err = t.makeOwn(ctx); err == nil {
			err = write()
		}
	}
	if err != nil {
		return fmt.Errorf("write mark: %w", refused(err))
	}
	return nil
}

// Ceiling looks for the highest one of all states.
func (t *Target) Ceiling(ctx context.Context) (ceiling int64, err error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	err = t.pool.QueryRow(ctx, "SELECT coalesce(max(ceiling), 0) FROM "+ownSchema+".marks").Scan(&ceiling)
	if hasCode(err, "42P01", "3F000") {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for the highest mark: %w", refused(err))
	}
	return ceiling, nil
}
