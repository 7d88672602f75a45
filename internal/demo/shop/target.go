package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/targets"
)

// target is what the shop was copied to. It is asked in the server's own way, as a person would ask it, and on purpose not
// by the replicator's code. A document's fields are as they come; demo.Kind reads them. Its id is that of the row.
type target interface {
	place(table string) place
	count(ctx context.Context, table string) (int, error)
	one(ctx context.Context, table string, key []string) (fields map[string]any, err error) // nil: there is none
	each(ctx context.Context, table string, use func(id string, fields map[string]any) error) error
	search(ctx context.Context, table, column, words string) (hits, error)
	close(ctx context.Context) error
}

// place is what a table was copied to, and what its users call that and what is in it.
type place struct {
	noun, name, items string
	millis            bool // moments are kept to the millisecond
}

func (p place) String() string { return p.name }

// hits are what a search has found.
type hits struct {
	total int
	took  int // milliseconds
	list  []hit
}

type hit struct {
	key    string
	fields map[string]any
}

// hitsShown is how many hits a search returns.
const hitsShown = 3

// kinds says which schemes of a URL name which kind of target. The shop's name is what stands before its tables' names.
var kinds = map[string]func(ctx context.Context, address, shop string) (target, error){
	"http": openElastic, "https": openElastic, "postgres": openPostgres, "mongodb": openMongo,
}

func openTarget(ctx context.Context, address, shop string) (target, error) {
	u, err := url.Parse(address)
	if err != nil || kinds[u.Scheme] == nil {
		return nil, fmt.Errorf("open target: not a URL of a target: want %s", strings.Join(schemes(), "://…, ")+"://…")
	}
	return kinds[u.Scheme](ctx, address, shop)
}

func schemes() []string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// idOf returns the id that a row's document has. A key's values come as texts from every server.
func idOf(row []demo.Cell, key int) string {
	parts := make([]string, key)
	for i := range parts {
		parts[i] = fmt.Sprint(row[i].Value)
	}
	return string(targets.JoinID(parts...))
}
