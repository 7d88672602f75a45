package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/meepo-replicate/meepo/targets"
)

// Codes of the server's, see src/mongo/base/error_codes.yml of MongoDB.
const (
	codeUnauthorized = 13
	codeExists       = 48
	codeDuplicate    = 11000
)

var (
	// rejectedCodes are of documents that the server will never take.
	rejectedCodes = []int{
		2,     // BadValue
		9,     // FailedToParse
		14,    // TypeMismatch
		15,    // Overflow: nested too deep
		52,    // DollarPrefixedFieldName
		53,    // InvalidIdField
		54,    // NotSingleValueField
		55,    // InvalidDBRef
		56,    // EmptyFieldName
		57,    // DottedFieldName
		66,    // ImmutableField
		121,   // DocumentValidationFailure
		166,   // CommandNotSupportedOnView
		171,   // CannotIndexParallelArrays
		10334, // BSONObjectTooLarge
		17280, // KeyTooLong, before 4.2
		17419, // a document that would be too large
		17420, //
		16755, // no geometry that an index could take
		16756,
	}
	// busyCodes are of servers that may take the same write later.
	busyCodes = []int{
		6,     // HostUnreachable
		7,     // HostNotFound
		24,    // LockTimeout
		46,    // LockBusy
		50,    // MaxTimeMSExpired
		63,    // StaleShardVersion
		64,    // WriteConcernTimeout
		89,    // NetworkTimeout
		91,    // ShutdownInProgress
		112,   // WriteConflict
		133,   // FailedToSatisfyReadPreference
		150,   // StaleEpoch
		175,   // QueryPlanKilled
		189,   // PrimarySteppedDown
		202,   // NetworkInterfaceExceededTimeLimit
		215,   // DatabaseDropPending
		262,   // ExceededTimeLimit
		371,   // UserWritesBlocked
		9001,  // SocketException
		10107, // NotWritablePrimary
		11600, // InterruptedAtShutdown
		11602, // InterruptedDueToReplStateChange
		13388, // StaleConfig
		13435, // NotPrimaryNoSecondaryOk
		13436, // NotPrimaryOrSecondary
		14031, // OutOfDiskSpace
	}
)

// outcome says what an error of a request means for it as a whole.
type outcome uint8

const (
	unanswered outcome = iota // it may have been done, or be done yet
	undone                    // it was not done, or was answered
	denied
)

func outcomeOf(err error) outcome {
	var selection topology.ServerSelectionError
	var answer mongo.ServerError
	switch {
	case errors.Is(err, targets.ErrDenied), isAuthentication(err):
		return denied
	case errors.As(err, &selection):
		return undone // nothing was sent
	case mongo.IsNetworkError(err), mongo.IsTimeout(err) && !hasCode(err, busyCodes...):
		return unanswered
	case errors.As(err, &answer):
		if answer.HasErrorCode(codeUnauthorized) {
			return denied
		}
		return undone
	}
	return unanswered
}

// isAuthentication: the client library has an error of its own for it, which is not exported.
func isAuthentication(err error) bool {
	text := err.Error()
	return hasCode(err, 18, 8000) || strings.Contains(text, "auth error") || strings.Contains(text, "unable to authenticate")
}

func hasCode(err error, codes ...int) bool {
	var answer mongo.ServerError
	return errors.As(err, &answer) && slices.ContainsFunc(codes, answer.HasErrorCode)
}

// refusesAny says whether an answer has an item that the account may not write.
func refusesAny(answer mongo.BulkWriteException) bool {
	return slices.ContainsFunc(answer.WriteErrors, func(item mongo.BulkWriteError) bool { return item.Code == codeUnauthorized })
}

// classOf is what becomes of an op that the server says an error of.
func classOf(item mongo.WriteError) targets.Class {
	switch {
	case item.Code == codeDuplicate && ofKey(item):
		return targets.Retryable // two requests made the document at once
	case item.Code == codeDuplicate:
		return targets.Doubtful // of another unique index: the other document may be gone later
	case slices.Contains(rejectedCodes, item.Code):
		return targets.Rejected
	case slices.Contains(busyCodes, item.Code):
		return targets.Retryable
	}
	return targets.Doubtful
}

// ofKey says whether the unique index is the one of _id.
func ofKey(item mongo.WriteError) bool {
	return strings.Contains(item.Message, "index: _id_") || strings.Contains(item.Message, "$_id_")
}

// reason is what the server says of an op, without the document's values: they stand behind "dup key", in brackets and in
// quotation marks.
func reason(item mongo.WriteError) string {
	text, _, _ := strings.Cut(item.Message, " dup key")
	text, _, _ = strings.Cut(text, "override unsupported") // of text indexes; the document's word for a language is next
	if at := strings.IndexAny(text, `{["'`); at >= 0 {
		text = strings.TrimRight(text[:at], " :") + " …"
	}
	return fmt.Sprintf("%s (code %d)", text, item.Code)
}

// refused wraps what the server does not let us do with targets.ErrDenied, and leaves all else as it is.
func (t *Target) refused(ctx context.Context, client *mongo.Client, err error) error {
	switch {
	case err == nil || errors.Is(err, targets.ErrDenied):
		return err
	case isAuthentication(err):
		t.refusedAccount(ctx, client)
		return fmt.Errorf("%w: the server does not take the account or its password", targets.ErrDenied)
	case hasCode(err, codeUnauthorized):
		return fmt.Errorf("%w: the account lacks a role, such as readWrite on the database", targets.ErrDenied)
	}
	return err
}
