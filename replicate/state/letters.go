package state

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// LetterFilter chooses dead letters. The zero value chooses all of them.
type LetterFilter struct {
	Plans []string // of one of these; none: of all
	Keys  []string // with one of these Letter.KeyText; none: with any
	// Reason is a text that Letter.Reason contains, in any case of ASCII letters; * in it stands for
	// any text. Empty: any reason.
	Reason string
	Since  time.Time // rejected at this time or later; zero: at any time
	Before time.Time // rejected before this time; zero: at any time
	// After chooses those that Letters returns after this one, for the next page. Nil: all.
	After *Letter
}

// where returns the condition in SQL with its arguments.
func (f LetterFilter) where() (string, []any) {
	conditions, args := []string{"TRUE"}, []any(nil)
	add := func(condition string, more ...any) {
		conditions, args = append(conditions, condition), append(args, more...)
	}
	oneOf := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", list...)
	}
	oneOf("plan", f.Plans)
	oneOf("key_text", f.Keys)
	if f.Reason != "" {
		pattern := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(f.Reason)
		add(`reason LIKE ? ESCAPE '\'`, "%"+pattern+"%")
	}
	if !f.Since.IsZero() {
		add("at_us >= ?", micros(f.Since))
	}
	if !f.Before.IsZero() {
		add("at_us < ?", micros(f.Before))
	}
	if l := f.After; l != nil {
		add("(at_us, plan, key) < (?, ?, ?)", micros(l.At), l.Plan, []byte(l.Key))
	}
	return strings.Join(conditions, " AND "), args
}

// Letters returns up to limit of the chosen dead letters, the newest first.
func (s *Store) Letters(ctx context.Context, filter LetterFilter, limit int) ([]Letter, error) {
	var letters []Letter
	where, args := filter.where()
	query := `SELECT plan, key, key_text, document, reason, at_us, tries FROM letters
		WHERE ` + where + ` ORDER BY at_us DESC, plan DESC, key DESC LIMIT ?`
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, query, func(r *sql.Rows) error {
			var l Letter
			var key []byte
			var at int64
			err := r.Scan(&l.Plan, &key, &l.KeyText, &l.Document, &l.Reason, &at, &l.Tries)
			l.Key, l.At = string(key), fromMicros(at)
			letters = append(letters, l)
			return err
		}, append(args, limit)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters from %s: %w", s.path, err)
	}
	return letters, nil
}

// LetterPlans counts the chosen dead letters of each plan that has any.
func (s *Store) LetterPlans(ctx context.Context, filter LetterFilter) (map[string]int, error) {
	counts := map[string]int{}
	where, args := filter.where()
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT plan, count(*) FROM letters WHERE `+where+` GROUP BY plan`, func(r *sql.Rows) error {
			var plan string
			var n int
			err := r.Scan(&plan, &n)
			counts[plan] = n
			return err
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("count dead letters in %s: %w", s.path, err)
	}
	return counts, nil
}

// LetterRefs names the documents that have a dead letter.
func (s *Store) LetterRefs(ctx context.Context) ([]LetterRef, error) {
	var refs []LetterRef
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT plan, key FROM letters`, func(r *sql.Rows) error {
			var ref LetterRef
			var key []byte
			err := r.Scan(&ref.Plan, &key)
			ref.Key = string(key)
			refs = append(refs, ref)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters from %s: %w", s.path, err)
	}
	return refs, nil
}
