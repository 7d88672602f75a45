// Command shop fills and changes the demo's shop database, and shows and compares its rows with
// what they were copied to. It is a tool of the demo, run from a checkout:
//
//	go run ./internal/demo/shop --help
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		stop()
		os.Exit(1)
	}
}

// flags are shared by all commands.
type flags struct {
	url    string
	target string
	seed   uint64
	wait   time.Duration
}

func root() *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:           "shop",
		Short:         "Fill, change and show the demo's shop",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().StringVar(&f.url, "url", "mysql://root@127.0.0.1:3306/shop", "the shop's database")
	cmd.PersistentFlags().StringVar(&f.target, "target", "http://127.0.0.1:9200", "what the shop is copied to: "+strings.Join(schemes(), "://…, ")+"://…")
	cmd.PersistentFlags().Uint64Var(&f.seed, "seed", 1, "the same seed gives the same rows and changes")
	cmd.PersistentFlags().DurationVar(&f.wait, "wait", 0, "ask again for at most this long until both sides agree")
	cmd.AddCommand(fillCommand(f), changesCommand(f), countsCommand(f), showCommand(f), searchCommand(f), compareCommand(f))
	return cmd
}

func fillCommand(f *flags) *cobra.Command {
	rows := demo.Rows
	cmd := &cobra.Command{
		Use:   "fill",
		Short: "Make the tables anew and fill them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withShop(cmd.Context(), f, func(s *demo.Shop) error {
				if err := s.Fill(cmd.Context(), f.seed, rows); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s rows in %d tables of %s\n", thousands(rows), len(demo.Tables()), s.Name())
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&rows, "rows", rows, "rows of all tables together")
	return cmd
}

func changesCommand(f *flags) *cobra.Command {
	count, rate := 1000, 0
	cmd := &cobra.Command{
		Use:   "changes",
		Short: "Change rows the way a day in the shop would",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withShop(cmd.Context(), f, func(s *demo.Shop) error {
				done, err := s.Change(cmd.Context(), f.seed, count, rate)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\nlast order %d\n", done, done.Order)
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&count, "count", count, "rows to change")
	cmd.Flags().IntVar(&rate, "rate", rate, "rows to change in a second at most; 0: no limit")
	return cmd
}

func withShop(ctx context.Context, f *flags, use func(*demo.Shop) error) error {
	s, err := demo.Open(ctx, f.url)
	if err != nil {
		return err
	}
	defer s.Close()
	return use(s)
}

func withBoth(ctx context.Context, f *flags, use func(*demo.Shop, target) error) error {
	return withShop(ctx, f, func(s *demo.Shop) error {
		t, err := openTarget(ctx, f.target, s.Name())
		if err != nil {
			return err
		}
		return errors.Join(use(s, t), t.close(ctx))
	})
}
