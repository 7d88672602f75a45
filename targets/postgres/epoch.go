package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// createOwnSchema and ownTables make what this product keeps in the target's database: an epoch per destination, a mark per state.
const createOwnSchema = "CREATE SCHEMA IF NOT EXISTS " + ownSchema

var ownTables = []string{
	"CREATE TABLE IF NOT EXISTS " + ownSchema + ".epochs (destination text PRIMARY KEY, epoch bigint NOT NULL)",
	"CREATE TABLE IF NOT EXISTS " + ownSchema + ".marks (state text PRIMARY KEY, number bigint NOT NULL, position text NOT NULL," +
		" ceiling bigint NOT NULL, at timestamptz NOT NULL)",
}

// makeOwn makes it where it is not. Two that begin at once may meet, since IF NOT EXISTS looks before it makes.
func (t *Target) makeOwn(ctx context.Context) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	var there, schema bool
	err := t.pool.QueryRow(ctx, "SELECT to_regclass('"+ownSchema+".epochs') IS NOT NULL AND to_regclass('"+ownSchema+".marks') IS NOT NULL,"+
		" to_regnamespace('"+ownSchema+"') IS NOT NULL").Scan(&there, &schema)
	if err != nil || there {
		return refused(err)
	}
	statements := ownTables
	if !schema { // IF NOT EXISTS asks for the right to make one even where there is one
		statements = append([]string{createOwnSchema}, ownTables...)
	}
	for range 3 {
		if _, err = t.pool.Exec(ctx, strings.Join(statements, "; "), pgx.QueryExecModeSimpleProtocol); err == nil || !hasCode(err, "23505", "42P06", "42P07", "XX000") {
			break
		}
	}
	if hasCode(err, codeDenied) {
		return &targets.HintError{
			Err:    fmt.Errorf("make schema %s: %w", ownSchema, refused(err)),
			Advice: "a superuser or the database's owner runs: CREATE SCHEMA " + ownSchema + " AUTHORIZATION the_account",
		}
	}
	return refused(err)
}

// destination is what we know of a table.
type destination struct {
	mu       sync.Mutex
	oid      uint32 // 0: not looked for yet
	have     map[string]existing
	epoch    int64 // 0: to be raised before the next statement
	prepared *targets.Destination
	known    *targets.Destination // that nobody has prepared, see Know
	plans    map[*targets.Destination]*table
}

func (t *Target) destination(name string) *destination {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.dests[name]
	if d == nil {
		d = &destination{plans: map[*targets.Destination]*table{}}
		t.dests[name] = d
	}
	return d
}

// claim is what a statement carries beside its rows.
type claim struct {
	table *table
	oid   uint32
	epoch int64
}

var errNotThere = errors.New("the table is not there")

// claim returns the statements for a destination, after it has seen to it that nothing of before can land any more.
func (t *Target) claim(ctx context.Context, dest *targets.Destination) (claim, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	d := t.destination(dest.Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.oid == 0 {
		found, err := t.look(ctx, dest.Name)
		if err != nil {
			return claim{}, err
		}
		if found == nil {
			return claim{}, errNotThere
		}
		d.know(found)
	}
	if d.epoch == 0 {
		epoch, err := t.raise(ctx, dest.Name)
		if err != nil {
			return claim{}, err
		}
		d.epoch = epoch
	}
	plan, err := t.plan(d, dest)
	return claim{plan, d.oid, d.epoch}, err
}

// plan returns the layout of a destination with its statements, for the table as it is known. Its caller holds d.mu.
func (t *Target) plan(d *destination, dest *targets.Destination) (*table, error) {
	if have := d.plans[dest]; have != nil {
		return have, nil
	}
	made, err := newTable(dest, t.config.versionColumn(dest))
	if err != nil {
		return nil, err
	}
	made.compile(d.have)
	d.plans[dest] = made
	return made, nil
}

// know takes in what the catalog says.
func (d *destination) know(found *existingTable) {
	d.oid, d.have = found.oid, found.columns
	clear(d.plans)
}

// raise makes all statements void that carry an older epoch, and waits for those that hold it.
func (t *Target) raise(ctx context.Context, dest string) (epoch int64, err error) {
	err = t.pool.QueryRow(ctx, "INSERT INTO "+ownSchema+".epochs AS e VALUES ($1, 1) ON CONFLICT (destination)"+
		" DO UPDATE SET epoch = e.epoch + 1 RETURNING epoch", dest).Scan(&epoch)
	if hasCode(err, "42P01", "3F000") {
		return 0, errNotThere // nobody has prepared anything here
	}
	return epoch, refused(err)
}

// doubt: a request with this epoch had no answer, or found another one. It may still land, until the epoch is raised. Once it has
// been, the others that carried the old one say nothing of the new.
func (t *Target) doubt(dest string, epoch int64) {
	d := t.destination(dest)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.epoch == epoch {
		d.epoch = 0
	}
}
