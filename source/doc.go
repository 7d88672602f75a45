// Package source is the vocabulary of "what changed": tables, keys, events, batches,
// positions, fences and rows, and the seams that a source driver implements.
//
// A log event is only a hint that a key is dirty. Whoever receives it reads the full row
// again, through [Reader], behind the batch's [Fence]. For that reason an [Event] carries no
// row, and there is one decode path for values: the SELECT.
//
// The package imports the standard library only, so that drivers, the mapping compiler and the
// engine can all share it without knowing of each other.
package source
