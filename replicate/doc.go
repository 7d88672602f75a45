// Package replicate is the engine: it keeps a target equal to tables of a source, by a backfill
// and by following the log, across crashes. It knows no driver.
//
// A log event is only a hint that a key is dirty. For every dirty key the full row is read again,
// mapped, and written, or its document is deleted. Everything is idempotent, so delivery at least
// once is exact in its result.
//
//	stream ─ intake ─ token ─► lanes ─ documents, fence ─► apply ─ rows ─► plan ─ ops ─► target
//	            ▲                ▲  ▲                                               │
//	            │        backfill┘  └sweep                   durable | dead letter  │
//	           ack ◄── saved ◄── saver ◄── frontier ◄───────────────────────────────┘
//
// # Invariants
//
//  1. Every read is fenced. The log reaches us before a SELECT can see the commit, so each read
//     asks for at least the newest batch taken in: intake raises the fence before it adds the
//     batch's documents, and a read captures it in the same step in which its documents go in
//     flight, or its chunk opens.
//  2. A start is a position with its fence. They are taken before the first row or range is read
//     and saved with the jobs that will read them; progress without a position is refused.
//  3. A document is in flight once, from the moment its fence is captured until it is durable. What
//     makes it dirty meanwhile causes one more read. A chunk's row is dropped where its document is
//     dirty or in flight, or was since the chunk opened: that read is newer than what made the
//     backfill necessary, since a backfill begins when nothing that was in flight before still is.
//  4. Durable, then saved, then acked. Tokens enter the frontier in log order and are done in any
//     order; a position is saved when everything before it is durable or a dead letter.
//     What is prepared but not committed (XA) is saved with the position after its prepare, and made
//     dirty under the fence of its commit, since no read before that sees it.
//  5. Versions order writes. A version is drawn before the snapshot of its read, from the source's
//     clock, below a ceiling that the target and the state hold already: a fresh start begins above
//     the ceilings of all states, since requests of a killed run may land after it. A conflict with a
//     version that this state did not issue raises the clock above it, and the document is read and
//     written again.
//  6. Only proof deletes: a delete event, the old key of a changed key, a sweep, or the retry of a
//     letter. A row that is absent after an insert or update deletes nothing; if the log passes the head taken after that
//     read and no delete has come, the key is a miss, and many misses park the plan.
//  7. What changes rows without row events is not passed over: a changed definition that may have done
//     so, a truncated table, or a gap in what the log tells of a table queues a copy and a sweep of it in
//     the same transaction as the position behind it.
//  8. Both ends are still what the state speaks of. The source is asked whether the saved position is
//     part of its history. What stands behind each destination is recorded when it is taken up, and
//     compared before anything is made or written there; a numbered mark in the target, and its number
//     in the state, tell of a target that went back to an earlier time as a whole.
//
// # What happens when
//
//   - the process is killed: the next run starts from the saved position and ranges. Events since
//     then come again, at most one chunk per range is read again, and a sweep begins anew.
//   - the source or the target does not answer: it is tried again with growing pauses for as long
//     as it takes. The log is left alone when too many documents wait.
//   - the target rejects a document: its key is kept as a dead letter, and the position moves on. It goes
//     when the document is written or deleted later; a retry or a sweep makes it dirty, with the right to
//     delete, since its row may have gone unseen.
//   - many documents of a plan are rejected, its destination is deleted or replaced, or its table does
//     not fit any more: that plan is parked. Its events are dropped from then on, which the state
//     says no later than any position past them; all others go on. Resumed, it is copied anew.
//   - the state file is lost: a new one is refused where a destination holds documents, unless Fresh
//     says that everything is to be copied again.
//   - an XA transaction is prepared: its keys are kept, in memory and in the state, holdsPerDocument times
//     Options.MaxDirty of all together, so about as many as the log may be ahead of the target; the largest
//     gives up its keys and keeps its tables. Committed, its keys are dirty, or its tables copied and swept.
//     One that nobody saw being prepared may have changed anything: every table is copied and swept.
//   - a table is truncated: a sweep is queued in the same transaction as the position after it. It
//     waits for what was in flight, then looks again at every document that the target holds.
//   - a table's definition changes: its plans are compiled anew, at the event or at the first read
//     that fails for it, and the target is prepared before the first document of the new shape. The plan's policies
//     decide first: it may be parked, end the run, or go on without what is new.
//   - a mapping was edited so that documents become others: at the start it is parked, unless somebody has asked for
//     a copy of it, or accepts that documents stay as they are until their rows change.
package replicate
