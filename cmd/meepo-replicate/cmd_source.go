package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/postgres"
)

// logKeeper is a source whose server keeps its log for us, by a slot, until it is acknowledged.
type logKeeper interface {
	// Slot names it.
	Slot() string
	// HasSlot reports whether the server keeps its log for it.
	HasSlot(ctx context.Context) (bool, error)
	// DropSlot ends that, and reports false where there is no slot.
	DropSlot(ctx context.Context) (bool, error)
}

func newSourceCommand(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Set up or clean up a PostgreSQL source",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDropSlotCommand(p), newTriggersCommand(p))
	return cmd
}

func newDropSlotCommand(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drop-slot",
		Short: "Drop the replication slot, so that the server keeps no WAL for it any more",
		Long: `Drop the replication slot, so that the server keeps no WAL for it any more. Do that when a run will not come back:
a state that has read from the slot cannot go on afterwards, and begins anew with --fresh. A slot that is being read is
not dropped.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return dropSlot(cmd, p) },
	}
	addFlags(cmd.Flags(), byEvents)
	completeSettings(cmd)
	return cmd
}

func dropSlot(cmd *cobra.Command, p *process) (err error) {
	c, warnings, err := loadConfig(cmd, byEvents)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	src, err := c.sourceKind().open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	keeper, ok := src.(logKeeper)
	if !ok {
		return &usageError{text: "this source keeps its log by time, and has no slot to drop"}
	}
	dropped, err := keeper.DropSlot(ctx)
	if err != nil {
		return err
	}
	if !dropped {
		_, err = fmt.Fprintf(p.stdout, "there is no slot %s\n", keeper.Slot())
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "slot %s dropped\n", keeper.Slot())
	return err
}

func newTriggersCommand(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "triggers",
		Short: "Print the SQL that has PostgreSQL's log tell of changed definitions, for psql",
		Long: `Print the SQL that has PostgreSQL's log tell of changed definitions, in order with the rows: run it once in each
database that is replicated, before the first start, as a superuser:

  meepo-replicate source triggers | psql postgres://postgres@db/shop

Without it, definitions are looked at every few seconds.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(p.stdout, postgres.Triggers)
			return err
		},
	}
}

// slotPatience bounds the question whether there is a slot, at the end of a run.
const slotPatience = 5 * time.Second

// sayKept warns of a slot whose reader has ended for good, or may have. A server that does not answer is taken to have it.
func sayKept(ctx context.Context, log *slog.Logger, src any) {
	keeper, ok := src.(logKeeper)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slotPatience)
	defer cancel()
	if has, err := keeper.HasSlot(ctx); has || err != nil {
		log.Warn("the server keeps its WAL for the next run: if there will be none, drop the slot", "slot", keeper.Slot(), "fix", "meepo-replicate source drop-slot")
	}
}

// enlist makes the log hold the tables, where the source has to be told of them.
func enlist(ctx context.Context, src any, tables []source.Table) error {
	if e, ok := src.(source.Enlister); ok {
		_, err := e.Enlist(ctx, tables)
		return err
	}
	return nil
}
