package replicate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Source is what the engine needs of a source driver.
type Source interface {
	source.Log
	source.Reader
	source.Scanner
	source.Catalog
	source.Clock
}

// Target is what the engine needs of a target driver. targets.Preparer and targets.BulkMode are
// used where the driver has them.
type Target interface {
	targets.Writer
	targets.Scanner
}

// Store keeps what survives a restart; *state.Store is one.
type Store interface {
	// Load returns what was saved last. It is called once, before anything is saved.
	Load(ctx context.Context) (state.Snapshot, error)
	// Save changes all of it in one transaction and returns when it is durable.
	Save(ctx context.Context, change state.Change) error
	// LetterRefs names the documents that have a dead letter.
	LetterRefs(ctx context.Context) ([]state.LetterRef, error)
	// Requests returns what other processes ask of this run, the oldest first: some of those with an
	// ID above after, none if there are no more. Those that are done are in Change.DoneRequests of a
	// later Save.
	Requests(ctx context.Context, after int64) ([]state.Request, error)
}

// What to do about a TRUNCATE in the source.
const (
	TruncatePropagate = "propagate" // remove the documents
	TruncateIgnore    = "ignore"    // keep them
	TruncateStop      = "stop"      // end the run with an error
)

// What to do when a fault concerns one plan only: its destination was deleted or replaced, its table
// cannot be mapped or does not fit its destination any more, or too many documents are rejected.
const (
	FaultPark = "park" // leave it alone until it is resumed, and go on with all others
	FaultStop = "stop" // end the run with an error
)

// AllMappings stands for all mappings among Options.AcceptStale.
const AllMappings = "all"

// Options is what a Replicator is made of. Source, Target, State, Tables and Compile must be set;
// the zero value of everything else means its default.
type Options struct {
	Source Source
	Target Target
	State  Store
	Logger *slog.Logger // default: discard

	Tables  []source.Pattern // whose tables to follow
	Compile CompileFunc

	Once          bool    // end when the backfill is done and the position at its end is reached
	FollowOnly    bool    // begin at the log's head without a backfill
	RowsPerSecond float64 // rows read from the source per second at most; 0: no limit
	OnTruncate    string  // default TruncatePropagate
	OnFault       string  // default FaultPark
	// OnSchemaChange is what to do about a change of a table's definition where its mapping does not say: SchemaAuto, the
	// default, or one of the policies of mappings.
	OnSchemaChange string
	// AcceptStale names mappings, or tables, that are followed although they were edited since their rows were copied:
	// documents stay as they are until their rows change. AllMappings is all of them.
	AcceptStale []string
	// Fresh begins anew, whatever the state says: at the log's head, with a backfill and a sweep of all.
	// Without it, a new state is refused where a destination holds documents already.
	Fresh bool

	// Heal is Fresh with what the target holds compared, and only what differs written.
	Heal bool

	Workers   int // concurrent re-reads with their writes; default 4
	Parallel  int // concurrent ranges of backfills; default 4
	ReadRows  int // rows per re-read at most; default 1000
	ChunkRows int // rows per chunk of a backfill at most; default 2000
	MaxDirty  int // documents waiting at most before the log is left alone; default 20,000
	MaxMisses int // keys without row and delete per plan before it is parked; default 100
	// MaxDestinations is how many destinations a plan whose rows are spread may have; default 1000. One more is a fault.
	MaxDestinations int
	MaxDoubts       int           // times that an op is sent at which the target fails for reasons of its own, before it is taken for rejected; default 12, half a minute
	SaveEvery       time.Duration // time between saves at least; default 100 ms
	PollEvery       time.Duration // time between looks for requests; default 1 s
	// MarkEvery is the time between marks in the target at least, and between two looks at whether a
	// destination still is what was filled, at one of them each time; default 5 s.
	MarkEvery time.Duration
	HeadEvery time.Duration // time between looks at the head of the source's log, for lag; default 5 s

	// A plan is parked when more than MaxRejected (a share, such as 0.25) of RejectWindow documents in a
	// row are rejected. Defaults 0.25 and 1000; a share of 1 never parks.
	MaxRejected  float64
	RejectWindow int

	Observer *Observer
}

// problems lists what cannot be run with.
func (o Options) problems() []error {
	var errs []error
	for what, missing := range map[string]bool{
		"Source": o.Source == nil, "Target": o.Target == nil, "State": o.State == nil,
		"Tables": len(o.Tables) == 0, "Compile": o.Compile == nil,
	} {
		if missing {
			errs = append(errs, errors.New("replicate options: "+what+" is not set"))
		}
	}
	if o.Once && o.FollowOnly {
		errs = append(errs, errors.New("once and follow-only exclude each other"))
	}
	if o.RowsPerSecond < 0 {
		errs = append(errs, errors.New("rows per second cannot be negative"))
	}
	switch o.OnTruncate {
	case "", TruncatePropagate, TruncateIgnore, TruncateStop:
	default:
		errs = append(errs, errors.New("on truncate: want propagate, ignore or stop"))
	}
	switch o.OnFault {
	case "", FaultPark, FaultStop:
	default:
		errs = append(errs, errors.New("on fault: want park or stop"))
	}
	switch mappings.Policy(o.OnSchemaChange) {
	case SchemaAuto, mappings.Evolve, mappings.Ignore, mappings.Park, mappings.Stop:
	default:
		errs = append(errs, errors.New("on schema change: want auto, evolve, ignore, park or stop"))
	}
	if o.MaxRejected < 0 || o.MaxRejected > 1 {
		errs = append(errs, errors.New("max rejected: want a share between 0 and 1"))
	}
	return errs
}

func (o Options) withDefaults() (Options, error) {
	o.Fresh = o.Fresh || o.Heal
	if o.OnTruncate == "" {
		o.OnTruncate = TruncatePropagate
	}
	if o.OnFault == "" {
		o.OnFault = FaultPark
	}
	if o.OnSchemaChange == "" {
		o.OnSchemaChange = SchemaAuto
	}
	if o.MaxRejected == 0 {
		o.MaxRejected = 0.25
	}
	errs := o.problems()
	o.Observer = Observe(o.Observer)
	if o.State != nil {
		o.State = observedStore{Store: o.State, observer: o.Observer}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Workers, 4}, {&o.Parallel, 4}, {&o.ReadRows, 1000}, {&o.ChunkRows, 2000}, {&o.MaxDirty, 20_000}, {&o.MaxMisses, 100}, {&o.MaxDoubts, 12}, {&o.MaxDestinations, 1000}, {&o.RejectWindow, 1000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.SaveEvery, 100 * time.Millisecond}, {&o.PollEvery, time.Second}, {&o.MarkEvery, 5 * time.Second}, {&o.HeadEvery, 5 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o, errors.Join(errs...)
}
