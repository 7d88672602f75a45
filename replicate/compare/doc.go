// Package compare holds tables of a source and destinations of a target side by side: it reads a range of keys from the
// source, maps the rows, and asks the target what writing them would change. Then it lists what the target holds, turns ids
// back into keys, and looks those up in the source, for documents that no row stands for. It writes to neither side.
//
//	source ─ rows by range ──► plan ─ ops ─► target.Compare ─► equal | suspect ──► settle ─► Finding
//	source ◄─ keys ◄─ plan ◄── ids ─ target.ScanIDs                      ▲            │
//	   └──── absent | not meant ──► ops ─► target.Compare ───────────────┘◄── again ──┘
//
// Both sides change while they are looked at. Where a run follows the source, what differs at first is only a suspect: the
// target is waited for until it has passed the source's position of then, and row and document are read again. It counts
// if both are as they were, twice in a row; where one has changed, the key starts again. Where nobody follows, a difference
// is one as of the position at which its row was read.
package compare
