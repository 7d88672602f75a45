package elastic

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// classify sorts what a bulk answer says of an op. An outcome without a class is durable.
func classify(op *targets.Op, does action, item bulkItem) targets.ItemError {
	if item.Error == nil {
		return classifyDone(op, does, item)
	}
	outcome := targets.ItemError{Class: targets.Rejected, Reason: item.Error.text()}
	switch kind := item.Error.Type; {
	case item.Status == http.StatusConflict && strings.HasPrefix(kind, "version_conflict"):
		outcome.Class, outcome.Stored = targets.Conflict, storedVersion(item.Error.Reason)
		outcome.Reason = fmt.Sprintf("version conflict: %d is not higher than what is stored", op.Version)
	case item.blocked(), item.Status == http.StatusTooManyRequests, item.Status == http.StatusRequestTimeout,
		item.Status > http.StatusInternalServerError, item.Status == http.StatusInternalServerError && kind == "i_o_exception":
		outcome.Class = targets.Retryable
	case item.Status == http.StatusInternalServerError:
		outcome.Class = targets.Doubtful // its reason may quote the document
	case item.Status == http.StatusNotFound, isLost(kind):
		outcome.Class = targets.Lost
	case item.Status == http.StatusForbidden, item.Status == http.StatusUnauthorized:
		// No right to write to just this destination: somebody has to look.
		outcome.Class = targets.Lost
	}
	if outcome.Class == targets.Retryable || outcome.Class == targets.Lost {
		outcome.Reason = item.Error.serverText() // speaks of the server, not of the document
	}
	return outcome
}

func classifyDone(op *targets.Op, does action, item bulkItem) targets.ItemError {
	switch {
	case does == actionDelete && item.Index == op.Dest.Name:
		// Deletes cannot require an alias. One that was not behind an alias met another's index.
		return targets.ItemError{Class: targets.Lost, Reason: "[" + op.Dest.Name + "] is an index, not an alias"}
	case item.Status < 300, does == actionDelete && item.Status == http.StatusNotFound:
		return targets.ItemError{}
	case item.Status == http.StatusInternalServerError:
		return targets.ItemError{Class: targets.Doubtful, Reason: "status 500"}
	case item.Status == http.StatusTooManyRequests, item.Status > http.StatusInternalServerError:
		return targets.ItemError{Class: targets.Retryable, Reason: "status " + strconv.Itoa(item.Status)}
	case item.Status == http.StatusNotFound:
		return targets.ItemError{Class: targets.Lost, Reason: "status 404"}
	}
	return targets.ItemError{Class: targets.Rejected, Reason: "status " + strconv.Itoa(item.Status)}
}

func isLost(kind string) bool {
	switch kind {
	case "index_not_found_exception", "index_closed_exception", "alias_not_found_exception", "invalid_index_name_exception":
		return true
	}
	return false
}

// blocked says whether the index takes no writes at the moment: somebody set a block, or the disk
// is above its watermark. It ends without the document's doing.
func (i bulkItem) blocked() bool {
	return i.Error != nil && i.Error.Type == "cluster_block_exception"
}

// storedVersion finds the version that the server holds in the reason of a conflict:
// "[id]: version conflict, current version [7] is higher or equal to the one provided [5]". The id
// comes first and may hold anything, so the last such words count.
func storedVersion(reason string) int64 {
	const before = "current version ["
	at := strings.LastIndex(reason, before)
	if at < 0 {
		return 0
	}
	digits, _, ok := strings.Cut(reason[at+len(before):], "]")
	version, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || version < 0 {
		return 0
	}
	return version
}
