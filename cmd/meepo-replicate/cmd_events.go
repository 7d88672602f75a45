package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/source"
)

type eventsOptions struct {
	from, until, format string
}

func newEventsCommand(p *process) *cobra.Command {
	var o eventsOptions
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Write the stream of changes to standard output",
		Long: `Write the stream of changes to standard output, one line per changed row or table. It needs no target and keeps
no state. Without --tables it shows all tables.

  json   {"event":"orders_write","table":"shop.orders","action":"write","key":7,"position":"…","time":"…"}
         The key is an array where it has several columns; bytes are "0x…". --from with an event's position
         delivers that event again, after at most the rest of its batch.
  plain  orders_write 7

Actions: write, update, delete of a row; truncate, create, alter, drop, rename of a table; gap: rows of the table
have changed that the log does not tell.
What an XA transaction has changed comes when that commits, with the position before it was prepared.
A first signal ends it with exit code 0.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvents(cmd, p, o) },
	}
	addFlags(cmd.Flags(), byEvents)
	cmd.Flags().Var(choice(&o.format, "json", "plain"), "format", "how events look: json, plain (default json)")
	cmd.Flags().StringVar(&o.from, "from", "", "start after this position (default: from now)")
	cmd.Flags().Var(choice(&o.until, "", "now"), "until", `end at the position that was current at the start, the only choice is "now" (default: never end)`)
	completeChoices(cmd, "format", "json", "plain")
	completeChoices(cmd, "until", "now")
	completeSettings(cmd)
	return cmd
}

func runEvents(cmd *cobra.Command, p *process, o eventsOptions) error {
	c, warnings, err := loadConfig(cmd, byEvents)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	// Without this the process would die of SIGPIPE when head has seen enough.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return ended(ctx, err)
	}
	out := newEventWriter(p.stdout, o.format, log)
	patterns, described, err := eventTables(ctx, c, src, log)
	if err == nil {
		out.tables = usable(described)
		err = enlist(ctx, src, out.tables)
	}
	if err == nil {
		err = follow(ctx, src, log, patterns, o, out)
	}
	sayKept(ctx, log, src)
	return ended(ctx, errors.Join(err, src.Close()))
}

// eventTables returns the tables whose events are shown: those that are copied, or all where
// nothing is said. One that was named has to exist and to have a usable key; the others without
// one are named in the log. The second result are the tables that there are.
func eventTables(ctx context.Context, c *config, src sourceDriver, log *slog.Logger) ([]source.Pattern, []source.Columns, error) {
	s, err := c.selectTables()
	if err == nil {
		err = refuseServer(ctx, src)
	}
	if err != nil {
		return nil, nil, err
	}
	s.tables = c.looksAt(s)
	warn(log, s.warnings)
	described, err := describe(ctx, src, s.tables)
	if err != nil {
		return nil, nil, err
	}
	return s.tables, described, errors.Join(s.missing(ctx, src, described), checkKeys(s.tables, described, log))
}

// checkKeys finds the tables that cannot be followed: named ones are errors, others warnings.
func checkKeys(patterns []source.Pattern, described []source.Columns, log *slog.Logger) error {
	var wrong []error
	for _, t := range described {
		named := slices.ContainsFunc(patterns, func(p source.Pattern) bool {
			table, literal := p.Literal()
			return literal && table == t.Table
		})
		switch {
		case t.Refused == "":
		case named:
			wrong = append(wrong, &usageError{text: fmt.Sprintf("table %s cannot be followed: %s", t.Table, t.Refused)})
		default:
			log.Warn("table is left out", "table", t.Table.String(), "reason", t.Refused)
		}
	}
	return errors.Join(wrong...)
}

// ended turns what a stream of events ends with in good order into success.
func ended(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errInterrupted) || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// follow writes the events of the tables until it is told to stop.
func follow(ctx context.Context, src source.Log, log *slog.Logger, patterns []source.Pattern, o eventsOptions, out *eventWriter) (err error) {
	head, _, err := src.Head(ctx)
	if err != nil {
		return err
	}
	from := source.Position(o.from)
	if from == "" {
		from = head
	}
	stream, err := src.Open(ctx, from, subscriptions(patterns))
	if err != nil {
		return err
	}
	defer func() {
		// The caller's context may have ended, and closing must not be cut short by that.
		err = errors.Join(err, stream.Close(context.WithoutCancel(ctx)))
	}()
	log.Info("events follow", "from", from, "until", o.until)
	for {
		if o.until == "now" {
			if done, err := src.Reached(ctx, from, head); done || err != nil {
				return err
			}
		}
		if from, err = out.untilPosition(ctx, stream, from); err != nil {
			return err
		}
	}
}

// untilPosition writes batches up to and with the next one that has a position, and returns it.
// Each event is written with the position before it.
func (w *eventWriter) untilPosition(ctx context.Context, stream source.Stream, from source.Position) (source.Position, error) {
	for {
		batch, err := stream.Next(ctx)
		if err != nil {
			return from, err
		}
		if err := w.writeBatch(batch, from); err != nil {
			return from, fmt.Errorf("write events: %w", err)
		}
		if batch.Position != "" {
			return batch.Position, nil
		}
	}
}

func subscriptions(patterns []source.Pattern) []source.Subscription {
	list := make([]source.Subscription, len(patterns))
	for i, p := range patterns {
		list[i] = source.Subscription{Tables: p}
	}
	return list
}
