// Command ferretdb runs FerretDB 1, a server of MongoDB's protocol on PostgreSQL, for tests that kill a target which keeps
// its data. It is a module of its own, so that nobody who uses the product gets its dependencies. FerretDB's own program
// cannot be built from its module: a file that it embeds is not in there.
//
//	ferretdb HOST:PORT postgres://user:password@host:port/database
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: ferretdb HOST:PORT URL")
		os.Exit(2)
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:      ferretdb.ListenerConfig{TCP: os.Args[1]},
		Handler:       "postgresql",
		PostgreSQLURL: os.Args[2],
		Logger:        slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server.Run(ctx)
}
